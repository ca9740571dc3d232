package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/lab/control"
)

// changeHost changes a host and prints it.
func (o *options) changeHost(ctx context.Context, c *client.Client, host string, change control.HostChange) error {
	now, err := c.ChangeHost(ctx, host, change)
	if err != nil {
		return err
	}
	return o.print(now, func(w io.Writer) {
		fmt.Fprintf(w, "%s\t%s\t%s\n", now.Name, hostState(now.HostView), labelWords(now.Labels))
	})
}

func hostsRename(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "rename HOST NAME", Short: "Give a host another name", Args: cli.Exactly("HOST", "NAME"), ValidArgsFunction: o.completeHosts,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			return o.changeHost(cmd.Context(), c, args[0], control.HostChange{Name: &args[1]})
		},
	}
}

func hostsLabel(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "label HOST KEY=VALUE… KEY-…", Short: "Set labels that labs can ask for, and take away those that end in -", ValidArgsFunction: o.completeHosts,
		Example: "  trunkline hosts label host-a zone=a rack-",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return cli.UsageError{Err: errors.New("hosts label takes a host and at least one KEY=VALUE or KEY-")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			now, err := c.Host(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			labels, err := relabel(now.Labels, args[1:])
			if err != nil {
				return err
			}
			return o.changeHost(cmd.Context(), c, now.ID, control.HostChange{Labels: &labels})
		},
	}
}

// relabel applies KEY=VALUE and KEY- to a set of labels.
func relabel(labels map[string]string, changes []string) (map[string]string, error) {
	after := maps.Clone(labels)
	if after == nil {
		after = map[string]string{}
	}
	for _, change := range changes {
		key, value, set := strings.Cut(change, "=")
		switch bare, drop := strings.CutSuffix(change, "-"); {
		case set && key != "":
			after[key] = value
		case drop && bare != "":
			delete(after, bare)
		default:
			return nil, cli.UsageError{Err: fmt.Errorf("%q is neither KEY=VALUE nor KEY-", change)}
		}
	}
	return after, nil
}

func usualFactor(what string, usual float64) string {
	return fmt.Sprintf("%s; 0: %g, as is usual", what, usual)
}

func hostsSet(o *options) *cobra.Command {
	var over control.OverCommit
	var workspaces []string
	cmd := o.onHost("set", "Say how much a host may promise, and which workspaces may use it", nil)
	cmd.Example = "  trunkline hosts set host-a --cpu 2 --workspace physics   # --workspace '' opens it to all"
	cmd.Flags().Float64Var(&over.CPU, "cpu", 0, usualFactor("how many times its cores may be promised", control.DefaultOverCommit.CPU))
	cmd.Flags().Float64Var(&over.Memory, "memory", 0, usualFactor("how many times its memory may be promised", control.DefaultOverCommit.Memory))
	cmd.Flags().StringSliceVar(&workspaces, "workspace", nil, "the only workspaces that may use it, by name or id; may be repeated")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f := cmd.Flags()
		if !f.Changed("cpu") && !f.Changed("memory") && !f.Changed("workspace") {
			return cli.UsageError{Err: errors.New("hosts set needs --cpu, --memory or --workspace")}
		}
		c, err := o.client()
		if err != nil {
			return err
		}
		var change control.HostChange
		if f.Changed("workspace") {
			kept := []string{}
			for _, w := range workspaces {
				if w != "" {
					kept = append(kept, w)
				}
			}
			change.Tenants = &kept
		}
		if f.Changed("cpu") || f.Changed("memory") {
			now, err := c.Host(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if !f.Changed("cpu") {
				over.CPU = now.OverCommit.CPU
			}
			if !f.Changed("memory") {
				over.Memory = now.OverCommit.Memory
			}
			change.OverCommit = &over
		}
		return o.changeHost(cmd.Context(), c, args[0], change)
	}
	return cmd
}

func hostsDrain(o *options, verb, short string, drained bool) *cobra.Command {
	return o.onHost(verb, short, func(cmd *cobra.Command, c *client.Client, host string) error {
		return o.changeHost(cmd.Context(), c, host, control.HostChange{Drained: &drained})
	})
}

func hostsRotate(o *options) *cobra.Command {
	return o.onHost("rotate", "Give a host a new key; its link and its labs go on", func(cmd *cobra.Command, c *client.Client, host string) error {
		return c.RotateHostKey(cmd.Context(), host)
	})
}

func hostsRevoke(o *options) *cobra.Command {
	return o.destructive("revoke", "Refuse a host's key from now on and cut its link at once",
		"Revoke %s? Its link is cut at once, and what runs on it goes on there out of our reach. To come back it has to join again.", (*client.Client).RevokeHost)
}

func hostsRemove(o *options) *cobra.Command {
	return o.destructive("remove", "Forget a host on which no lab is placed",
		"Remove %s? Its name, its key and its history are forgotten.", (*client.Client).RemoveHost)
}

// destructive is a command about one host that asks first when somebody sits at a terminal.
func (o *options) destructive(verb, short, question string, do func(*client.Client, context.Context, string) error) *cobra.Command {
	var yes bool
	cmd := o.onHost(verb, short, func(cmd *cobra.Command, c *client.Client, host string) error {
		if err := confirm(yes, fmt.Sprintf(question, host)); err != nil {
			return err
		}
		return do(c, cmd.Context(), host)
	})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// confirm asks on a terminal; anything but yes ends the command. A script has nobody to ask, and meant it.
func confirm(yes bool, question string) error {
	if yes || !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	fmt.Fprintf(os.Stderr, "%s [y/N] ", question)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(os.Stderr, "Nothing was done.")
	return cli.ExitCode(cli.Failed)
}

func hostsLog(o *options) *cobra.Command {
	var lines int
	cmd := o.onHost("log", "Print the last lines of the log of a host's agent", func(cmd *cobra.Command, c *client.Client, host string) error {
		log, err := c.HostLog(cmd.Context(), host, lines)
		if err != nil {
			return err
		}
		if o.output == "json" {
			return o.print(log, nil)
		}
		for _, line := range log { // as they are: tabs in them are no columns
			fmt.Println(line)
		}
		return nil
	})
	cmd.Flags().IntVarP(&lines, "lines", "n", 100, "how many, at most 1000")
	return cmd
}
