package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"trunkline/internal/cli"
	"trunkline/internal/fault"
	"trunkline/store"
	"trunkline/web/api"
)

// remote is what the flags choose, in words of the API, when --of asks the controller and not the database on this machine.
func (f *auditFlags) remote() (api.AuditChoice, error) {
	choice := api.AuditChoice{Of: f.of, Person: f.actor, About: f.object}
	if f.tenant != "" {
		return choice, cli.UsageError{Err: fault.New(fault.Invalid, "--tenant is for the controller's machine. With --of, --workspace says whose audit is meant.")}
	}
	if len(f.verbs) > 1 {
		return choice, cli.UsageError{Err: fault.New(fault.Invalid, "With --of, give --verb once: a verb such as sign-in, or a group such as labs.")}
	}
	choice.What = strings.Join(f.verbs, "")
	now := time.Now()
	for flag, at := range map[string]struct {
		text string
		to   *string
	}{"--since": {f.since, &choice.From}, "--until": {f.until, &choice.Until}} {
		read, err := timeFlag(flag, at.text, now)
		if err != nil {
			return choice, err
		}
		if !read.IsZero() {
			*at.to = read.UTC().Format(time.RFC3339)
		}
	}
	return choice, nil
}

func (f *auditFlags) listRemote(ctx context.Context, o *options, limit int, before int64) error {
	choice, err := f.remote()
	if err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	page, err := c.Audit(ctx, choice, limit, before)
	if err != nil {
		return err
	}
	err = o.print(page, func(w io.Writer) {
		fmt.Fprintln(w, "NUMBER\tAT\tWHAT\tFROM")
		for _, e := range page.Events {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", e.Number, e.At.Local().Format(time.DateTime), printable(e.Words), e.Address)
		}
		if page.Next > 0 {
			fmt.Fprintf(w, "\nThere are more: --before %d\n", page.Next)
		}
	})
	return errors.Join(err, brokenChain(page.Chain.Broken))
}

func (f *auditFlags) exportRemote(ctx context.Context, o *options, file string, force bool) error {
	choice, err := f.remote()
	if err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	if file == "" {
		return c.ExportAudit(ctx, choice, os.Stdout)
	}
	return store.WriteFile(file, force, func(w io.Writer) error { return c.ExportAudit(ctx, choice, w) })
}
