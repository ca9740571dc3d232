package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/lab/control"
)

func labRevisions(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "revisions LAB", Short: "List the revisions of a lab's file, the newest first", Args: cli.Exactly("LAB"), ValidArgsFunction: o.completeLabs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			list, err := c.Revisions(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "REVISION\tCHANGED\tBY\tNODES\tLINKS\tSTATE\tWHAT\tNOTE")
				for _, v := range list {
					fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", v.Number, age(v.At), dash(v.Author), v.NodeCount, v.LinkCount, revisionState(v), v.Words, dash(v.Note))
				}
			})
		},
	}
}

func revisionState(v control.RevisionView) string {
	switch {
	case v.Newest && v.Deployed:
		return "newest, deployed"
	case v.Newest:
		return "newest"
	case v.Deployed:
		return "deployed"
	}
	return "-"
}

func labFile(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "file LAB [REVISION]", Short: "Print a lab's file as it is, or as a revision had it", Args: upTo("LAB", "REVISION"), ValidArgsFunction: o.completeRevisions(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			if len(args) == 2 {
				return o.printRevision(cmd.Context(), c, args[0], args[1])
			}
			detail, err := c.Lab(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if o.output == "json" {
				return o.print(map[string]any{"revision": detail.Revision, "source": detail.Source}, nil)
			}
			_, err = io.WriteString(os.Stdout, detail.Source)
			return err
		},
	}
}

func (o *options) printRevision(ctx context.Context, c *client.Client, lab, text string) error {
	number, err := revisionNumber(text)
	if err != nil {
		return err
	}
	if o.output != "json" {
		return c.RevisionFile(ctx, lab, number, os.Stdout)
	}
	one, err := c.Revision(ctx, lab, number)
	if err != nil {
		return err
	}
	return o.print(one, nil)
}

func labDiff(o *options) *cobra.Command {
	var exitCode bool
	cmd := &cobra.Command{
		Use: "diff LAB [FROM [TO]]", Short: "Show how one revision leads to another: lines of the file, and what they mean for the network",
		Long:    "Without revisions it shows what the newest one changed; with FROM alone, what has changed since.",
		Example: "  trunkline lab diff campus\n  trunkline lab diff campus 3\n  trunkline lab diff campus 3 5",
		Args:    upTo("LAB", "FROM", "TO"), ValidArgsFunction: o.completeRevisions(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			from, to, err := o.revisionsOf(cmd.Context(), c, args)
			if err != nil {
				return err
			}
			compared, err := c.Compare(cmd.Context(), args[0], from, to)
			if err != nil {
				return err
			}
			if o.output == "json" {
				err = o.print(compared, nil)
			} else {
				printComparison(os.Stdout, compared)
			}
			if err == nil && exitCode && len(compared.Lines) > 0 {
				return cli.ExitCode(cli.Failed)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "end with 1 when there is a difference, as git diff does")
	return cmd
}

// revisionsOf are those that diff is asked to compare; to 0 is the newest.
func (o *options) revisionsOf(ctx context.Context, c *client.Client, args []string) (from, to int64, err error) {
	switch len(args) {
	case 1:
		detail, err := c.Lab(ctx, args[0])
		if err != nil {
			return 0, 0, err
		}
		return max(detail.Revision-1, 1), detail.Revision, nil
	case 3:
		if to, err = revisionNumber(args[2]); err != nil {
			return 0, 0, err
		}
	}
	from, err = revisionNumber(args[1])
	return from, to, err
}

// printComparison is a unified diff, and what it means for the network behind it.
func printComparison(w io.Writer, c *control.RevisionComparison) {
	if len(c.Lines) == 0 {
		fmt.Fprintf(w, "Revisions %d and %d have the same file.\n", c.From.Number, c.To.Number)
		return
	}
	fmt.Fprintf(w, "--- revision %d\n+++ revision %d\n", c.From.Number, c.To.Number)
	for _, line := range c.Lines {
		if line.Sign == "@" {
			fmt.Fprintf(w, "@@ -%d +%d @@\n", line.Old, line.New)
		} else {
			fmt.Fprintf(w, "%s%s\n", line.Sign, line.Text)
		}
	}
	if len(c.Steps) > 0 {
		fmt.Fprintln(w)
	}
	for _, step := range c.Steps {
		fmt.Fprintf(w, "%s %s: %s\n", step.Verb, step.Object, step.Reason)
	}
}

func labRestore(o *options) *cobra.Command {
	var common editFlags
	var base int64
	cmd := &cobra.Command{
		Use: "restore LAB REVISION", Short: "Make an earlier revision the newest again, as a new one", Args: cli.Exactly("LAB", "REVISION"), ValidArgsFunction: o.completeRevisions(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := revisionNumber(args[1])
			if err != nil {
				return err
			}
			c, err := o.client()
			if err != nil {
				return err
			}
			result, err := c.Restore(cmd.Context(), args[0], number, control.RestoreRequest{Base: base, Apply: common.apply, Check: common.dryRun, Note: common.note})
			if err != nil {
				return err
			}
			return o.printEdit(args[0], result, common.apply, common.dryRun)
		},
	}
	cmd.Flags().Int64Var(&base, "base", 0, "restore only if this is the newest revision (default: whatever is)")
	common.add(cmd)
	return cmd
}

func revisionNumber(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 1 {
		return 0, cli.UsageError{Err: fmt.Errorf("%q is no revision: give its number, such as 3; lab revisions lists them", text)}
	}
	return number, nil
}

// upTo takes the first argument and as many of the others as there are.
func upTo(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < 1 || len(args) > len(names) {
			return cli.UsageError{Err: fmt.Errorf("%s takes %s and up to %d more: %v", cmd.CommandPath(), names[0], len(names)-1, names[1:])}
		}
		return nil
	}
}

// completeRevisions offers labs first, and then up to most revisions.
func (o *options) completeRevisions(most int) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		switch {
		case len(args) == 0:
			return o.completeLabs(cmd, args, begun)
		case len(args) > most:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return o.revisionNumbers(cmd.Context(), args), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// revisionNumbers are those of the lab that the first argument names, each with what it did.
func (o *options) revisionNumbers(ctx context.Context, args []string) []string {
	c, err := o.client()
	if err != nil || len(args) == 0 {
		return nil
	}
	list, err := c.Revisions(ctx, args[0])
	if err != nil {
		return nil
	}
	var numbers []string
	for _, v := range list {
		numbers = append(numbers, strconv.FormatInt(v.Number, 10)+"\t"+v.Words)
	}
	return numbers
}
