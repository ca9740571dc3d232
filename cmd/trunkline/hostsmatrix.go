package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/lab/control"
)

func hostsMatrix(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "matrix", Short: "Show how the hosts reach each other through tunnels: round trip and largest frame", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			ways, err := c.Matrix(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(ways, func(w io.Writer) { printMatrix(w, ways) })
		},
	}
}

func printMatrix(w io.Writer, ways []control.HostReach) {
	if len(ways) == 0 {
		fmt.Fprintln(w, "With a second host this shows the ways between each two of them.")
		return
	}
	type pair struct{ from, to string }
	known := map[pair]control.HostReach{}
	var names, problems []string
	for _, way := range ways {
		known[pair{way.From, way.To}] = way
		names = append(names, way.From, way.To)
		if p := wayProblem(way); p != "" && !slices.Contains(problems, p) {
			problems = append(problems, p)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	fmt.Fprint(w, "FROM / TO")
	for _, name := range names {
		fmt.Fprintf(w, "\t%s", name)
	}
	fmt.Fprintln(w)
	for _, from := range names {
		fmt.Fprint(w, from)
		for _, to := range names {
			cell := "-"
			if from != to {
				way := known[pair{from, to}]
				cell = wayTime(way)
				if mtu := wayMTU(way); mtu != "" {
					cell += " " + mtu
				}
			}
			fmt.Fprintf(w, "\t%s", cell)
		}
		fmt.Fprintln(w)
	}
	for _, p := range problems {
		fmt.Fprintf(w, "\n%s", p)
	}
	if len(problems) > 0 {
		fmt.Fprintln(w)
	}
}

// wayTime is a round trip, or what is known instead of it.
func wayTime(w control.HostReach) string {
	switch {
	case !w.Known:
		return "?"
	case !w.Usable:
		return "no"
	case w.RTT <= 0:
		return "yes"
	}
	return milliseconds(w.RTT)
}

func wayMTU(w control.HostReach) string {
	if w.MTU == 0 || !w.Usable {
		return ""
	}
	return strconv.Itoa(w.MTU)
}

func wayProblem(w control.HostReach) string {
	if w.Problem == "" && w.Known && !w.Usable {
		return fmt.Sprintf("%s and %s do not reach each other: let UDP port 4789 through between them.", min(w.From, w.To), max(w.From, w.To))
	}
	return w.Problem
}

// milliseconds is a round trip in one unit, so that columns compare.
func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 2, 64) + "ms"
}
