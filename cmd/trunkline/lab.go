package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
)

func labCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "lab", Short: "Create, change, deploy, watch and remove labs"})
	cmd.AddCommand(labCreate(o), labList(o), labShow(o), labDeploy(o), labExport(o),
		labIntent(o, "stop", "Stop a lab, keeping its containers and their files", control.Stopped),
		labIntent(o, "cancel", "Cancel the deploy under way", ""),
		labDestroy(o), labEdit(o), labFill(o), labFile(o), labRevisions(o), labDiff(o), labRestore(o), labShare(o), labShares(o), labUnshare(o), labShared(o))
	return cmd
}

func labList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the labs of the workspace", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			labs, err := c.Labs(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(labs, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tSTATE\tNODES\tLINKS\tOWNER\tCHANGED\tREASON")
				for _, l := range labs {
					fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n", l.Name, stateWords(&l), l.NodeCount, l.LinkCount, l.Owner, age(l.UpdatedAt), l.Reason)
				}
			})
		},
	}
}

func labShow(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "show LAB", Short: "Show a lab, its nodes and where they run", Args: cli.Exactly("LAB"), ValidArgsFunction: o.completeLabs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			d, err := c.Lab(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(d, func(w io.Writer) {
				fmt.Fprintf(w, "%s\t%s\t%s\n\n", d.Name, stateWords(&d.LabView), d.Reason)
				printPlacement(w, d.Nodes)
			})
		},
	}
}

// printPlacement is every node with its host and why it is there; what is wrong with a node comes first.
func printPlacement(w io.Writer, nodes []control.NodeView) {
	fmt.Fprintln(w, "NODE\tKIND\tSTATE\tHOST\tIMAGE\tWHY")
	for _, n := range nodes {
		why := n.Placed
		if n.Reason != "" {
			why = strings.TrimSuffix(n.Reason, ".") + ". " + why
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", n.Name, n.Kind, n.State, n.Host, n.Image, strings.TrimSpace(why))
	}
}

func labDeploy(o *options) *cobra.Command {
	var wait, dryRun bool
	var limit time.Duration
	cmd := &cobra.Command{
		Use: "deploy LAB", Short: "Make a lab real", Args: cli.Exactly("LAB"), ValidArgsFunction: o.completeLabs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			if dryRun {
				return printPlan(cmd.Context(), o, c, args[0])
			}
			view, err := c.Intent(cmd.Context(), args[0], "deploy", nil)
			if err == nil && wait {
				view, err = follow(cmd.Context(), c, args[0], limit, deployed)
			}
			if err != nil {
				return err
			}
			return o.print(view, func(w io.Writer) { fmt.Fprintf(w, "%s\t%s\n", view.Name, stateWords(view)) })
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the lab runs; fail when it does not")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print the plan and change nothing")
	cmd.Flags().DurationVar(&limit, "timeout", 10*time.Minute, "how long --wait waits")
	return cmd
}

// noteVerb is of a line of a plan that is to be known, not done.
const noteVerb = "note"

func printPlan(ctx context.Context, o *options, c *client.Client, lab string) error {
	steps, err := c.Plan(ctx, lab)
	if err != nil {
		return err
	}
	return o.print(steps, func(w io.Writer) {
		if len(steps) == 0 {
			fmt.Fprintln(w, "Nothing to do: the lab is as its file says.")
			return
		}
		fmt.Fprintln(w, "STEP\tOBJECT\tHOST\tREASON")
		for _, s := range steps {
			if s.Verb != noteVerb {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Verb, s.Object, s.Host, s.Reason)
			}
		}
		for _, s := range steps {
			if s.Verb == noteVerb {
				fmt.Fprintf(w, "\nNote: %s\n", s.Reason)
			}
		}
	})
}

// labIntent is a command that asks for something and can wait for a state; an empty state means no waiting.
func labIntent(o *options, verb, short string, wanted control.State) *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use: verb + " LAB", Short: short, Args: cli.Exactly("LAB"), ValidArgsFunction: o.completeLabs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			view, err := c.Intent(cmd.Context(), args[0], verb, nil)
			if err == nil && wait {
				view, err = follow(cmd.Context(), c, args[0], 10*time.Minute, reached(wanted))
			}
			if err != nil {
				return err
			}
			return o.print(view, func(w io.Writer) { fmt.Fprintf(w, "%s\t%s\n", view.Name, stateWords(view)) })
		},
	}
	if wanted != "" {
		cmd.Flags().BoolVar(&wait, "wait", false, "wait until it is "+string(wanted))
	}
	return cmd
}

func labDestroy(o *options) *cobra.Command {
	var wait, forget bool
	cmd := &cobra.Command{
		Use: "destroy LAB", Short: "Remove everything a lab has on compute hosts; its file is kept unless --forget", Args: cli.Exactly("LAB"), ValidArgsFunction: o.completeLabs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			query := url.Values{}
			if forget {
				query.Set("forget", "true")
			}
			view, err := c.Intent(cmd.Context(), args[0], "destroy", query)
			if err == nil && wait {
				view, err = awaitGone(cmd.Context(), c, view, forget)
			}
			if err != nil {
				return err
			}
			return o.print(view, func(w io.Writer) { fmt.Fprintf(w, "%s\t%s\n", view.Name, stateWords(view)) })
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until nothing is left")
	cmd.Flags().BoolVar(&forget, "forget", false, "remove the stored lab as well")
	return cmd
}

// awaitGone waits until nothing of the lab is left, and until the lab itself is gone when it shall be forgotten.
func awaitGone(ctx context.Context, c *client.Client, view *control.LabView, forget bool) (*control.LabView, error) {
	done := reached(control.Stored)
	if forget {
		done = func(l *control.LabView) (bool, error) { _, err := reached(control.Stored)(l); return false, err }
	}
	now, err := follow(ctx, c, view.ID, 10*time.Minute, done)
	if forget && fault.Is(err, fault.NotFound) {
		return view, nil
	}
	if now == nil {
		now = view
	}
	return now, err
}

// exportEndings are the forms of an export and how their files end.
var exportEndings = map[string]string{"folder": ".zip", "containerlab": ".clab.yml", "svg": ".svg", "mermaid": ".mmd"}

func labExport(o *options) *cobra.Command {
	var file, form string
	cmd := &cobra.Command{
		Use: "export LAB", Short: "Save the lab: its folder, a file for containerlab, or a picture", Args: cli.Exactly("LAB"), ValidArgsFunction: o.completeLabs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			ending, known := exportEndings[form]
			if !known {
				return fault.New(fault.Invalid, "A lab is saved as %s, not as %q.", strings.Join(slices.Sorted(maps.Keys(exportEndings)), ", "), form).InField("as")
			}
			if file == "" {
				file = args[0] + ending
			}
			if file == "-" {
				return c.Export(cmd.Context(), args[0], form, os.Stdout)
			}
			return saveFile(file, 0o644, func(w io.Writer) error { return c.Export(cmd.Context(), args[0], form, w) })
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "where to (default LAB.zip, or with the ending of its form; - for standard output)")
	cmd.Flags().StringVar(&form, "as", "folder", "folder (a zip), containerlab, svg or mermaid")
	_ = cmd.RegisterFlagCompletionFunc("as", cobra.FixedCompletions(slices.Sorted(maps.Keys(exportEndings)), cobra.ShellCompDirectiveNoFileComp)) // it fails for a flag that is not there
	return cmd
}
