package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/fault"
	"trunkline/store"
	"trunkline/tenancy"
)

func auditCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "audit", Short: "What was done, by whom: list and export it with --of from anywhere; all else on the controller's machine"})
	cmd.AddCommand(auditList(o), auditExport(o), auditVerify(o), auditPrune(o))
	return cmd
}

// auditFlags choose events.
type auditFlags struct {
	dataSettings
	of, tenant, actor, object, since, until string
	verbs                                   []string
}

func (f *auditFlags) flags(cmd *cobra.Command) {
	f.dataSettings.flags(cmd)
	cmd.Flags().StringVar(&f.of, "of", "", "ask the controller, as other commands do, for the audit of the workspace, the site or all; without it the database on this machine is read")
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "events of this workspace only, by its id")
	cmd.Flags().StringVar(&f.actor, "actor", "", "events of this person only, by id, e-mail address or account name")
	cmd.Flags().StringVar(&f.object, "object", "", "events of this object only, by its id or kind, such as lab or host")
	cmd.Flags().StringSliceVar(&f.verbs, "verb", nil, "events of this kind only, such as sign-in; may be given more than once")
	cmd.Flags().StringVar(&f.since, "since", "", "events from this time on: 2026-11-21, 2026-11-21T09:30:00Z, or 24h for the last day")
	cmd.Flags().StringVar(&f.until, "until", "", "events before this time")
}

// choose makes the filter. Names of people are looked up, since the audit knows ids.
func (f *auditFlags) choose(ctx context.Context, s *store.Store) (tenancy.Scope, store.AuditFilter, error) {
	scope, filter := tenancy.Everywhere(), store.AuditFilter{Actor: f.actor, Object: f.object}
	if f.tenant != "" {
		scope = tenancy.InTenant(f.tenant)
	}
	for _, verb := range f.verbs {
		filter.Verbs = append(filter.Verbs, tenancy.AuditVerb(verb))
	}
	if email, err := tenancy.CleanEmail(f.actor); f.actor != "" && err == nil {
		person, err := s.UserByEmail(ctx, email)
		if err == nil {
			filter.Actor = person.ID
		} else if !fault.Is(err, fault.NotFound) {
			return scope, filter, err
		}
	}
	now := time.Now()
	var err error
	if filter.From, err = timeFlag("--since", f.since, now); err != nil {
		return scope, filter, err
	}
	filter.Until, err = timeFlag("--until", f.until, now)
	return scope, filter, err
}

// timeFlag reads a date, a time, or how long ago; "" is the zero time.
func timeFlag(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago > 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, cli.UsageError{Err: fault.New(fault.Invalid, "%s takes a date such as 2026-11-21, a time such as 2026-11-21T09:30:00Z, or how long ago, such as 24h; not %q.", flag, text)}
}

// withAudit opens the audit for as long as do takes.
func (s *dataSettings) withAudit(ctx context.Context, do func(*store.Store, *store.AuditLog) error) error {
	opened, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	log := opened.OpenAudit(nil)
	err = do(opened, log)
	log.Close()
	return errors.Join(err, opened.Close())
}

// whoIsHere is who uses this machine, for what is done on it and not over the network.
func whoIsHere() tenancy.AuditPerson {
	name := "somebody"
	if account, err := user.Current(); err == nil {
		name = account.Username
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "the controller's machine"
	}
	return tenancy.AuditPerson{Name: name + " on " + machine}
}

func auditList(o *options) *cobra.Command {
	var f auditFlags
	limit, before := 50, int64(0)
	cmd := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List events, the newest first", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.of != "" {
				return f.listRemote(cmd.Context(), o, limit, before)
			}
			return f.withAudit(cmd.Context(), func(s *store.Store, log *store.AuditLog) error {
				scope, filter, err := f.choose(cmd.Context(), s)
				if err != nil {
					return err
				}
				filter.Limit, filter.Before = limit, before
				page, err := log.Events(cmd.Context(), scope, filter)
				if err != nil {
					return err
				}
				return o.print(auditView(page), func(w io.Writer) { printEvents(w, page) })
			})
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", limit, "how many, 1,000 at most")
	cmd.Flags().Int64Var(&before, "before", 0, "go on before the event of this number")
	cli.Bind(cmd, &f.dataSettings, f.flags)
	return cmd
}

// shownEvent is an event as -o json shows it.
type shownEvent struct {
	Number  int64               `json:"number"`
	At      time.Time           `json:"at"`
	Actor   tenancy.AuditPerson `json:"actor"`
	Behind  tenancy.AuditPerson `json:"behind,omitzero"`
	Tenant  string              `json:"tenant,omitempty"`
	Verb    tenancy.AuditVerb   `json:"verb"`
	Object  tenancy.AuditObject `json:"object"`
	Before  rawJSON             `json:"before,omitempty"`
	After   rawJSON             `json:"after,omitempty"`
	Address string              `json:"address,omitempty"`
	Request string              `json:"request,omitempty"`
}

// rawJSON is JSON already.
type rawJSON string

func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func auditView(page store.AuditPage) any {
	shown := make([]shownEvent, len(page.Events))
	for i, e := range page.Events {
		shown[i] = shownEvent{e.Number, e.At, e.Actor, e.Behind, e.Tenant, e.Verb, e.Object, rawJSON(e.Before), rawJSON(e.After), e.Address, e.RequestID}
	}
	return struct {
		Events []shownEvent `json:"events"`
		Next   int64        `json:"next,omitempty"`
	}{shown, page.Next}
}

func printEvents(w io.Writer, page store.AuditPage) {
	fmt.Fprintln(w, "NUMBER\tAT\tWHO\tWORKSPACE\tDID\tTO\tFROM")
	for _, e := range page.Events {
		who := firstOf(e.Actor.Name, firstOf(e.Actor.ID, "-"))
		if e.Behind != (tenancy.AuditPerson{}) {
			who += " (really " + firstOf(e.Behind.Name, e.Behind.ID) + ")"
		}
		object := strings.TrimSpace(e.Object.Kind + " " + firstOf(e.Object.Name, e.Object.ID))
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Number, e.At.Local().Format(time.DateTime), printable(who), firstOf(e.Tenant, "-"), e.Verb, printable(object), e.Address)
	}
	if page.Next > 0 {
		fmt.Fprintf(w, "\nThere are more: --before %d\n", page.Next)
	}
}

// printable keeps names that people gave from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}

func auditExport(o *options) *cobra.Command {
	var f auditFlags
	var file string
	var force bool
	cmd := &cobra.Command{
		Use: "export", Short: "Write events as JSON lines, the oldest first; trunkline audit verify FILE checks them anywhere", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.of != "" {
				return f.exportRemote(cmd.Context(), o, file, force)
			}
			return f.withAudit(cmd.Context(), func(s *store.Store, log *store.AuditLog) error {
				scope, filter, err := f.choose(cmd.Context(), s)
				if err != nil {
					return err
				}
				events := 0
				write := func(w io.Writer) error { events, err = writeEvents(cmd.Context(), w, log, scope, filter); return err }
				if file == "" {
					out := bufio.NewWriter(os.Stdout)
					err = errors.Join(write(out), out.Flush())
				} else {
					err = store.WriteFile(file, force, write)
				}
				if err != nil {
					return err
				}
				return log.Record(cmd.Context(), tenancy.AuditEvent{
					Actor: whoIsHere(), Verb: tenancy.AuditExport, Tenant: f.tenant, Object: tenancy.AuditObject{Kind: "audit"}, After: map[string]any{"events": events},
				})
			})
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "write here instead of printing")
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if it is there")
	cli.Bind(cmd, &f.dataSettings, f.flags)
	return cmd
}

func writeEvents(ctx context.Context, w io.Writer, log *store.AuditLog, scope tenancy.Scope, filter store.AuditFilter) (events int, err error) {
	err = log.Each(ctx, scope, filter, func(e store.AuditPassage) error {
		line, err := e.Line(e.Previous)
		if err != nil {
			return err
		}
		events++
		_, err = fmt.Fprintln(w, line)
		return err
	})
	return events, err
}
