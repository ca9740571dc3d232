package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
)

func nodeCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "node", Short: "Start, stop, restart, pause, resume or recreate one node"})
	for _, of := range []struct{ action, does string }{
		{"start", "Start a node; its links stay"}, {"stop", "Stop a node; its links stay"}, {"restart", "Restart a node; its links stay"},
		{"pause", "Freeze a node; its links stay"}, {"resume", "Let a frozen node go on"},
		{"recreate", "Make a node's container anew: its files are as at first, its name, MACs and links stay"},
	} {
		action := of.action
		cmd.AddCommand(&cobra.Command{
			Use: action + " LAB/NODE", Short: of.does, Args: cli.Exactly("LAB/NODE"), ValidArgsFunction: o.completeNodes,
			RunE: func(cmd *cobra.Command, args []string) error {
				lab, node, err := splitNode(args[0])
				if err != nil {
					return err
				}
				c, err := o.client()
				if err != nil {
					return err
				}
				return c.NodeAction(cmd.Context(), lab, node, action)
			},
		})
	}
	return cmd
}

func splitNode(name string) (lab, node string, err error) {
	lab, node, ok := strings.Cut(name, "/")
	if !ok || lab == "" || node == "" || strings.Contains(node, "/") {
		return "", "", cli.UsageError{Err: fmt.Errorf("%q does not name a node: write LAB/NODE", name)}
	}
	return lab, node, nil
}

// completeLabs offers the names of labs.
func (o *options) completeLabs(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return o.labNames(cmd.Context(), ""), cobra.ShellCompDirectiveNoFileComp
}

func (o *options) labNames(ctx context.Context, suffix string) []string {
	c, err := o.client()
	if err != nil {
		return nil
	}
	labs, err := c.Labs(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for _, l := range labs {
		names = append(names, l.Name+suffix)
	}
	return names
}

// completeNodes offers LAB/ first and then LAB/NODE.
func (o *options) completeNodes(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	lab, _, hasLab := strings.Cut(begun, "/")
	if !hasLab {
		return o.labNames(cmd.Context(), "/"), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
	c, err := o.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	d, err := c.Lab(cmd.Context(), lab)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, n := range d.Nodes {
		if n.Kind.IsContainer() {
			names = append(names, lab+"/"+n.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
