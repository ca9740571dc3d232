package main

import (
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/lab/control"
	"trunkline/web/api"
)

func hostsCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "hosts", Short: "The compute hosts: join, look at, drain, rotate, revoke, remove"})
	cmd.AddCommand(hostsList(o), hostsShow(o), hostsJoin(o), hostsTokens(o), hostsRename(o), hostsLabel(o), hostsSet(o),
		hostsDrain(o, "drain", "Empty a host: its nodes move to others one by one, and none come", true),
		hostsDrain(o, "undrain", "Let a drained host take nodes again", false),
		hostsRotate(o), hostsRevoke(o), hostsRemove(o), hostsLog(o), hostsMatrix(o), offerCommand(o))
	return cmd
}

// completeHosts offers the names of hosts for the first argument.
func (o *options) completeHosts(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := o.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	hosts, err := c.Hosts(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, h := range hosts {
		names = append(names, h.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// onHost is a command about one host.
func (o *options) onHost(use, short string, do func(cmd *cobra.Command, c *client.Client, host string) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " HOST", Short: short, Args: cli.Exactly("HOST"), ValidArgsFunction: o.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			return do(cmd, c, args[0])
		},
	}
}

func hostsList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the compute hosts with what they have, have promised and use", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			hosts, err := c.Hosts(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(hosts, func(w io.Writer) { printHosts(w, hosts) })
		},
	}
}

func printHosts(w io.Writer, hosts []api.Host) {
	if len(hosts) == 0 {
		fmt.Fprintln(w, "No host yet. trunkline hosts join prints the command that adds one.")
		return
	}
	fmt.Fprintln(w, "NAME\tSTATE\tNODES\tCPU PROMISED\tIN USE\tMEMORY PROMISED\tIN USE\tLINK\tLABELS\tPROBLEMS")
	for _, h := range hosts {
		cpu, memory := "", ""
		if h.Use != nil && h.Connected {
			cpu, memory = cores(h.Use.CPU), gibibytes(h.Use.MemoryBytes)
		}
		link := ""
		if h.Connected && h.RTT > 0 {
			link = milliseconds(h.RTT)
		}
		problems := h.Info.Problems
		if h.Error != "" {
			problems = append(slices.Clone(problems), h.Error)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s of %s\t%s\t%s of %s\t%s\t%s\t%s\t%s\n", h.Name, hostState(h.HostView), h.Nodes,
			cores(h.Promised.CPU), cores(float64(h.Info.CPUs)*h.OverCommit.CPU), cpu,
			gibibytes(h.Promised.MemoryBytes), gibibytes(int64(float64(h.Info.MemoryBytes)*h.OverCommit.Memory)), memory,
			link, labelWords(h.Labels), strings.Join(problems, " "))
	}
}

func hostsShow(o *options) *cobra.Command {
	return o.onHost("show", "Show a host: what it has and can, the labs on it, its ways to others", func(cmd *cobra.Command, c *client.Client, host string) error {
		d, err := c.Host(cmd.Context(), host)
		if err != nil {
			return err
		}
		return o.print(d, func(w io.Writer) { printHost(w, d) })
	})
}

func printHost(w io.Writer, d api.HostDetail) {
	line := func(name, format string, values ...any) {
		if text := fmt.Sprintf(format, values...); strings.TrimSpace(text) != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, text)
		}
	}
	line("name", "%s", d.Name)
	line("id", "%s", d.ID)
	line("state", "%s", hostState(d.HostView))
	if !d.Connected {
		line("last seen", "%s", age(d.LastSeen))
	} else if d.RTT > 0 {
		line("link", "%s round trip", milliseconds(d.RTT))
	}
	line("labels", "%s", labelWords(d.Labels))
	line("kept for", "%s", strings.Join(d.Tenants, ", "))
	line("cores", "%d, %s promised of %s", d.Info.CPUs, cores(d.Promised.CPU), cores(float64(d.Info.CPUs)*d.OverCommit.CPU))
	line("memory", "%s, %s promised of %s", gibibytes(d.Info.MemoryBytes), gibibytes(d.Promised.MemoryBytes), gibibytes(int64(float64(d.Info.MemoryBytes)*d.OverCommit.Memory)))
	if d.HostView.Use != nil && d.Connected {
		line("in use", "%s cores, %s memory, %s disk", cores(d.HostView.Use.CPU), gibibytes(d.HostView.Use.MemoryBytes), gibibytes(d.HostView.Use.DiskBytes))
	}
	line("versions", "agent %s, Docker %s, Open vSwitch %s, kernel %s %s", d.Info.Version, d.Info.DockerVersion, d.Info.OVSVersion, d.Info.Kernel, d.Info.Arch)
	line("lacks", "%s", strings.Join(lacks(d.HostView), ", "))
	if d.Info.Underlay.IsValid() {
		line("underlay", "%s, MTU %d", d.Info.Underlay, d.Info.UnderlayMTU)
	}
	address := d.Address
	if bare, _, err := net.SplitHostPort(address); err == nil {
		address = bare // the port differs with each dial
	}
	line("dials from", "%s", address)
	line("joined", "%s", age(d.Created))
	for _, p := range d.Info.Problems {
		line("problem", "%s", p)
	}
	line("last error", "%s", d.Error)
	if len(d.Labs) > 0 {
		fmt.Fprintln(w, "\nLAB\tWORKSPACE\tSTATE\tNODES HERE")
		for _, l := range d.Labs {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", l.Name, l.Tenant, l.State, l.Nodes)
		}
	}
	if len(d.Reach) > 0 {
		fmt.Fprintln(w, "\nTO\tROUND TRIP\tMTU\tPROBLEM")
		for _, r := range d.Reach {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.To, wayTime(r), wayMTU(r), wayProblem(r))
		}
	}
}

// hostState is the one word that matters most.
func hostState(h control.HostView) string {
	switch {
	case h.Revoked:
		return "revoked"
	case h.Lost:
		return "lost"
	case !h.Connected && h.LastSeen.IsZero():
		return "not here yet"
	case !h.Connected:
		return "disconnected"
	case h.Drained && h.Nodes > 0:
		return "draining"
	case h.Drained:
		return "drained"
	}
	return "connected"
}

// lacks names what the host cannot do.
func lacks(h control.HostView) []string {
	if h.Info.Version == "" {
		return nil
	}
	var list []string
	for _, ability := range []struct {
		has  bool
		name string
	}{
		{h.Info.Capabilities.KernelDatapath, "kernel datapath"}, {h.Info.Capabilities.Netem, "delay and loss"}, {h.Info.Capabilities.RateLimit, "rate limits"},
		{h.Info.Capabilities.Egress, "way out"}, {h.Info.Capabilities.UserNamespaces, "user namespaces"},
	} {
		if !ability.has {
			list = append(list, ability.name)
		}
	}
	return list
}

func labelWords(labels map[string]string) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, key+"="+labels[key])
	}
	return strings.Join(list, " ")
}

func cores(n float64) string { return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0") }

func gibibytes(n int64) string {
	return strings.TrimSuffix(strconv.FormatFloat(float64(n)/(1<<30), 'f', 1, 64), ".0") + " GiB"
}
