package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/term"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/edit"
)

// complaintMark begins the lines above the file that say why it was not taken; they are not part of it.
const complaintMark = "#! "

// editByHand opens the file in the person's editor until it is a lab, and merges it onto what others did meanwhile. What cannot be stored is
// kept in a file.
func (o *options) editByHand(ctx context.Context, c *client.Client, lab string, request control.EditRequest, take edit.Side) error {
	editor, err := findEditor()
	if err != nil {
		return err
	}
	base, source, err := editedFrom(ctx, c, lab, request.Base)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp("", "trunkline-*.clab.yml")
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "There is no room for the file to edit: %v.", err)
	}
	file.Close()
	name, offered := file.Name(), source
	for {
		text, err := letEdit(ctx, editor, name, offered)
		if err != nil {
			return err
		}
		if text == withoutComplaints(offered) {
			if offered != source { // it came back with complaints, and went as it came
				return fault.New(fault.Invalid, "The file was not stored. It is kept as %s.", name)
			}
			fmt.Fprintln(os.Stderr, "Nothing was changed.")
			return os.Remove(name)
		}
		request.Text, request.Base = &text, base
		err = o.edit(ctx, c, lab, request, take)
		if err == nil {
			return os.Remove(name)
		}
		if !fault.Is(err, fault.Invalid) {
			fmt.Fprintf(os.Stderr, "Your text is kept as %s. %s: trunkline lab edit %s -f %s --base %d\n", name, whenToTry(err, request.Apply), lab, name, base)
			return err
		}
		offered = complaints(err) + text
	}
}

// whenToTry says when a text that was not stored can be.
func whenToTry(err error, apply bool) string {
	switch {
	case fault.Is(err, fault.Conflict):
		return "When it fits, or with --take yours or theirs"
	case apply:
		return "To store it without changing what runs"
	}
	return "To try it again"
}

// editedFrom is the text that is edited: of a revision, or of the newest.
func editedFrom(ctx context.Context, c *client.Client, lab string, base int64) (int64, string, error) {
	if base > 0 {
		old, err := c.Revision(ctx, lab, base)
		if err != nil {
			return 0, "", err
		}
		return base, old.Source, nil
	}
	detail, err := c.Lab(ctx, lab)
	if err != nil {
		return 0, "", err
	}
	return detail.Revision, detail.Source, nil
}

// findEditor is the person's editor as a line for the shell; vi where a terminal is there and nothing was said.
func findEditor() (string, error) {
	if editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR")); editor != "" {
		return editor, nil
	}
	if term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())) {
		return "vi", nil
	}
	return "", cli.UsageError{Err: errors.New("lab edit needs --set, --unset or -f, or an editor in $EDITOR, where there is no terminal")}
}

// letEdit has a person edit the text in a file, and returns what it is then, without complaints.
func letEdit(ctx context.Context, editor, file, text string) (string, error) {
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "The file to edit cannot be written: %v.", err)
	}
	run := exec.CommandContext(ctx, "sh", "-c", editor+` "$@"`, "editor", file)
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stderr, os.Stderr // standard output is the command's answer
	if term.IsTerminal(int(os.Stdout.Fd())) {
		run.Stdout = os.Stdout
	}
	if err := run.Run(); err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "The editor %s failed: %v. Your text is kept as %s.", editor, err, file)
	}
	now, err := os.ReadFile(file)
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "The edited file %s cannot be read: %v.", file, err)
	}
	return withoutComplaints(string(now)), nil
}

// complaints are the lines to be put above the text.
func complaints(err error) string {
	var b bytes.Buffer
	fmt.Fprintln(&b, complaintMark+fault.Sentence(err))
	if problem, ok := errors.AsType[*fault.Error](err); ok {
		for _, place := range problem.Details {
			fmt.Fprintln(&b, complaintMark+place.String())
		}
	}
	fmt.Fprintln(&b, complaintMark+"Lines are counted below these. Leave the editor without a change to give up.")
	return b.String()
}

func withoutComplaints(text string) string {
	for strings.HasPrefix(text, complaintMark) {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}
