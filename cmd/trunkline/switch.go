package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/lab/control"
)

// switchTables are what switch show prints.
var switchTables = []string{"mac", "vlan", "stp", "ports"}

// switchEvery is how often --watch looks.
const switchEvery = time.Second

func switchCommand(o *options) *cobra.Command {
	group := cli.Group(&cobra.Command{Use: "switch", Short: "Show what a switch has learnt"})
	var watch bool
	show := &cobra.Command{
		Use: "show LAB/SWITCH [mac|vlan|stp|ports]", Short: "Show a switch's MAC addresses, VLANs, spanning tree or ports (without a word: the ports)",
		Example: "  trunkline switch show campus/sw1 mac\n  trunkline switch show campus/sw1 stp --watch",
		Args:    cobra.RangeArgs(1, 2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return switchTables, cobra.ShellCompDirectiveNoFileComp
			}
			return o.completeLabs(cmd, args, begun)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			table := "ports"
			if len(args) == 2 {
				table = args[1]
			}
			if !slices.Contains(switchTables, table) {
				return cli.UsageError{Err: fmt.Errorf("%q is no table: write mac, vlan, stp or ports", table)}
			}
			lab, node, err := splitNode(args[0])
			if err != nil {
				return err
			}
			return o.showSwitch(cmd.Context(), lab, node, table, watch)
		},
	}
	show.Flags().BoolVarP(&watch, "watch", "w", false, "show it again every second until interrupted")
	group.AddCommand(show)
	return group
}

func (o *options) showSwitch(ctx context.Context, lab, node, table string, watch bool) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	tick := time.NewTicker(switchEvery)
	defer tick.Stop()
	for {
		view, err := c.Switch(ctx, lab, node)
		if err != nil {
			return err
		}
		if watch && o.output == "table" {
			fmt.Fprint(os.Stdout, "\x1b[H\x1b[2J") // from the top of an empty screen
		}
		if err := o.print(partOf(view, table), func(w io.Writer) { writeSwitch(w, view, table) }); err != nil || !watch {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// partOf is the table that was asked for, for JSON.
func partOf(view control.SwitchView, table string) any {
	switch table {
	case "mac":
		return view.MACs
	case "vlan":
		return view.VLANs
	case "stp":
		return map[string]any{"tree": view.Tree, "ports": view.Ports}
	}
	return view
}

func writeSwitch(w io.Writer, view control.SwitchView, table string) {
	switch table {
	case "mac":
		writeMACs(w, view)
	case "vlan":
		fmt.Fprintln(w, "VLAN\tUNTAGGED\tTAGGED\tMACS")
		for _, v := range view.VLANs {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", vlanText(v.VLAN), dash(strings.Join(v.Untagged, ", ")), dash(strings.Join(v.Tagged, ", ")), v.MACs)
		}
	case "stp":
		writeTree(w, view)
	default:
		writePorts(w, view)
	}
}

func writeMACs(w io.Writer, view control.SwitchView) {
	if len(view.MACs) == 0 {
		fmt.Fprintln(w, "No address is known. A switch learns one when a frame comes from it.")
		return
	}
	fmt.Fprintln(w, "VLAN\tMAC\tPORT\tAGE\tOF")
	for _, m := range view.MACs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d s\t%s\n", vlanText(m.VLAN), m.MAC, m.Port, m.Age, dash(m.Owner))
	}
}

func writeTree(w io.Writer, view control.SwitchView) {
	if view.Tree == nil {
		fmt.Fprintf(w, "%s speaks no spanning tree. Add switch: {stp: rstp} to it in the lab file.\n", view.Name)
		return
	}
	t := view.Tree
	root := t.Root + " by port " + t.RootPort + ", cost " + strconv.Itoa(t.RootCost)
	if t.IsRoot {
		root = "this bridge"
	}
	fmt.Fprintf(w, "protocol\t%s\nbridge\t%s\nroot\t%s\ntimers\thello %d s, max age %d s, forward delay %d s\n\n", strings.ToUpper(t.Protocol), t.Bridge, root, t.Hello, t.MaxAge, t.ForwardDelay)
	fmt.Fprintln(w, "PORT\tROLE\tSTATE\tCOST\tTO")
	for _, p := range view.Ports {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", p.Name, dash(p.Role), dash(p.State), p.Cost, dash(p.Peer))
	}
}

func writePorts(w io.Writer, view control.SwitchView) {
	fmt.Fprintln(w, "PORT\tTO\tSTATE\tVLANS\tIN FRAMES\tIN BYTES\tOUT FRAMES\tOUT BYTES\tDROPPED")
	for _, p := range view.Ports {
		state := "up"
		switch {
		case !p.Admin:
			state = "off"
		case !p.Oper:
			state = "no carrier"
		case p.State != "" && p.State != "forwarding":
			state = p.State
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", p.Name, dash(p.Peer), state, portVLANs(p.Mode, p.Access, p.Native, p.Trunk), p.In.Frames, p.In.Bytes, p.Out.Frames, p.Out.Bytes, p.In.Dropped+p.Out.Dropped)
	}
	if c := view.Controller; c != nil {
		fmt.Fprintln(w)
		if c.Connected {
			fmt.Fprintf(w, "controller\tconnected, %d messages refused\n", c.Refused)
		} else {
			fmt.Fprintf(w, "controller\t%s\n", c.Problem)
		}
	}
}

func portVLANs(mode string, access, native int, trunk []int) string {
	list := make([]string, len(trunk))
	for i, v := range trunk {
		list[i] = strconv.Itoa(v)
	}
	tagged := "all tagged"
	if len(list) > 0 {
		tagged = strings.Join(list, ",") + " tagged"
	}
	switch mode {
	case "access":
		return strconv.Itoa(access)
	case "native":
		return fmt.Sprintf("%d, %s", native, tagged)
	case "trunk":
		return tagged
	case "mirror":
		return "mirror"
	}
	return "all"
}

func vlanText(vlan int) string {
	if vlan == 0 {
		return "-"
	}
	return strconv.Itoa(vlan)
}

// dash stands for nothing in a table.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
