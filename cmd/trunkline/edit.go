package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/web/api"
)

// editFlags are what all commands take that make a revision.
type editFlags struct {
	apply, dryRun bool
	note          string
}

func (f *editFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.apply, "apply", false, "change what runs as well; only what is different is touched")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "say what would be done and do nothing")
	cmd.Flags().StringVar(&f.note, "note", "", "why, for the list of revisions")
}

func labEdit(o *options) *cobra.Command {
	var common editFlags
	var set, unset []string
	var file, take string
	var base int64
	cmd := &cobra.Command{
		Use: "edit LAB", Short: "Change a lab's file: in your editor, by values, by a list of changes, or by a whole file",
		Long: "Without a flag that says what to change, the file is opened in $VISUAL or $EDITOR. What others change meanwhile is kept: their changes and yours are\n" +
			"merged, and where both changed the same you see both sides and nothing is stored.",
		Example: "  trunkline lab edit campus\n  trunkline lab edit campus --set nodes.r1.image=trunkline/router --apply\n" +
			"  trunkline lab edit campus --set 'nodes.sw1.interfaces.p3.access=20' --unset nodes.h1.cmd --dry-run\n" +
			"  trunkline lab edit campus -f changes.yml\n  trunkline lab edit campus -f campus.clab.yml --base 7",
		Args: cli.Exactly("LAB"), ValidArgsFunction: o.completeLabs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			request := control.EditRequest{Base: base, Apply: common.apply, Check: common.dryRun, Note: common.note}
			side := edit.Side(take)
			switch {
			case side != "" && side != edit.Yours && side != edit.Theirs:
				return cli.UsageError{Err: fmt.Errorf("--take is %s or %s, not %q", edit.Yours, edit.Theirs, take)}
			case file != "" && len(set)+len(unset) > 0:
				return cli.UsageError{Err: fmt.Errorf("lab edit takes either -f or --set and --unset")}
			case file != "":
				err = readEdit(file, &request)
			case len(set)+len(unset) > 0:
				request.Ops, err = valueOps(set, unset)
			default:
				return o.editByHand(cmd.Context(), c, args[0], request, side)
			}
			if err != nil {
				return err
			}
			return o.edit(cmd.Context(), c, args[0], request, side)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&set, "set", nil, "PATH=VALUE, such as nodes.r1.image=trunkline/router; the value is YAML; \\. is a dot in a name; may be repeated")
	flags.StringArrayVar(&unset, "unset", nil, "PATH of what is taken away; may be repeated")
	flags.StringVarP(&file, "file", "f", "", "a list of changes as YAML or JSON, or a whole lab file; - for standard input")
	flags.Int64Var(&base, "base", 0, "the revision that the change was made on (default: the newest)")
	flags.StringVar(&take, "take", "", "where a whole file clashes with what others changed: yours or theirs")
	common.add(cmd)
	_ = cmd.RegisterFlagCompletionFunc("take", cobra.FixedCompletions([]string{string(edit.Yours), string(edit.Theirs)}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	_ = cmd.RegisterFlagCompletionFunc("base", func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {                       // the flag is there
		return o.revisionNumbers(cmd.Context(), args), cobra.ShellCompDirectiveNoFileComp
	})
	_ = cmd.RegisterFlagCompletionFunc("set", o.completePaths)   // as above
	_ = cmd.RegisterFlagCompletionFunc("unset", o.completePaths) // as above
	return cmd
}

func labFill(o *options) *cobra.Command {
	var common editFlags
	cmd := &cobra.Command{
		Use: "fill LAB", Short: "Give addresses to all that has none", Args: cli.Exactly("LAB"), ValidArgsFunction: o.completeLabs,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			result, err := c.Fill(cmd.Context(), args[0], api.FillRequest{Apply: common.apply, Check: common.dryRun, Note: common.note})
			if err != nil {
				return err
			}
			return o.printEdit(args[0], result, common.apply, common.dryRun)
		},
	}
	common.add(cmd)
	return cmd
}

// edit makes the edit. Where a whole file clashes with what others did, every clash is settled for the side in take, if one is given.
func (o *options) edit(ctx context.Context, c *client.Client, lab string, request control.EditRequest, take edit.Side) error {
	result, err := c.Edit(ctx, lab, request)
	if clashed, is := errors.AsType[*client.NotEdited](err); is && take != "" && request.Text != nil && len(clashed.Clashes) > 0 {
		request.Take, request.TakeAt = slices.Repeat([]edit.Side{take}, len(clashed.Clashes)), clashed.Revision
		result, err = c.Edit(ctx, lab, request)
	}
	if err != nil {
		return err
	}
	return o.printEdit(lab, result, request.Apply, request.Check)
}

// printEdit tells what an edit did or would do: in words, of what runs, and what is wrong with the addresses now.
func (o *options) printEdit(lab string, result *control.EditResult, apply, check bool) error {
	if o.output == "json" {
		return o.print(result, nil)
	}
	if result.Words != "" {
		fmt.Fprintln(os.Stdout, upperFirst(result.Words)+".")
	}
	for _, step := range result.Plan {
		if step.Verb == noteVerb {
			fmt.Fprintf(os.Stdout, "Note: %s\n", step.Reason)
		} else {
			fmt.Fprintf(os.Stdout, "%s %s: %s\n", step.Verb, step.Object, step.Reason)
		}
	}
	for _, mark := range result.Marks {
		fmt.Fprintf(os.Stdout, "Note: %s\n", mark)
	}
	switch {
	case result.Words == "" && !result.Applied:
		fmt.Fprintln(os.Stdout, "There is nothing to change.")
	case check:
		fmt.Fprintln(os.Stdout, "Nothing was changed.")
	case result.Applied:
		fmt.Fprintf(os.Stdout, "Applied to what runs, as revision %d.\n", result.Revision)
	case apply:
		fmt.Fprintf(os.Stdout, "Stored as revision %d. Nothing that runs was changed.\n", result.Revision)
	case len(result.Plan) > 0:
		fmt.Fprintf(os.Stdout, "Stored as revision %d. What runs is as before: trunkline lab deploy %s changes it.\n", result.Revision, lab)
	default:
		fmt.Fprintf(os.Stdout, "Stored as revision %d.\n", result.Revision)
	}
	return nil
}

// readEdit takes a list of changes or a whole lab file; a list of changes is a list, or a mapping with ops and perhaps base.
func readEdit(source string, request *control.EditRequest) error {
	text, err := readSource(source)
	if err != nil {
		return err
	}
	var what any
	if err := yaml.Unmarshal(text, &what); err != nil {
		return fault.Wrap(err, fault.Invalid, "%s is no YAML: %v.", source, err)
	}
	list, isList := what.([]any)
	if all, isMap := what.(map[string]any); isMap && all["ops"] != nil {
		list, isList = all["ops"].([]any)
		if base, given := all["base"].(int); given && request.Base == 0 {
			request.Base = int64(base)
		}
	}
	if !isList {
		whole := string(text)
		request.Text = &whole
		return nil
	}
	asJSON, err := json.Marshal(list)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "%s has keys that are no words.", source)
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request.Ops); err != nil {
		return fault.Wrap(err, fault.Invalid, "%s is no list of changes: %s.", source, strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

func readSource(source string) ([]byte, error) {
	if source == "-" {
		return io.ReadAll(os.Stdin)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%s cannot be read: %v.", source, plainPathError(err))
	}
	return text, nil
}
