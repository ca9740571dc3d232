package web

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"trunkline/templates"
	"trunkline/tenancy"
)

// chainView says whether the audit is what was written.
func chainView(c tenancy.AuditChain) templates.AuditChain {
	switch {
	case c.Broken != nil:
		return templates.AuditChain{State: "bad", Text: c.Broken.Why}
	case c.Whole.IsZero():
		return templates.AuditChain{State: "wait", Text: "The chain of events is being checked since Trunkline started. Look again in a moment."}
	}
	return templates.AuditChain{State: "ok", Text: "Unbroken up to " + c.Checked.UTC().Format("15:04 MST") + ", " + thousands(c.Events) + " " + plural(c.Events, "event", "events")}
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// thousands is a number in groups of three, with spaces that do not break.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteRune('\u00a0')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// auditDays puts events under their days, in the order in which they come.
func auditDays(events []tenancy.AuditLink, view tenancy.AuditView, query url.Values) []templates.AuditDay {
	var days []templates.AuditDay
	for _, e := range events {
		day := e.At.UTC().Format("Monday 2 January 2006")
		if len(days) == 0 || days[len(days)-1].Day != day {
			days = append(days, templates.AuditDay{Day: day})
		}
		last := &days[len(days)-1]
		last.Events = append(last.Events, auditEvent(e, view, query))
	}
	return days
}

func auditEvent(e tenancy.AuditLink, view tenancy.AuditView, query url.Values) templates.AuditEvent {
	v := templates.AuditEvent{
		At: e.At, Clock: e.At.UTC().Format("15:04:05"), Who: e.Who(), Did: e.Did(), Refused: e.Verb == tenancy.AuditSignInRefused,
		Changes: auditChanges(e.Before, e.After), HasBefore: e.Before != "",
	}
	fact := func(name, value string) {
		if value != "" {
			v.Facts = append(v.Facts, templates.AuditFact{Name: name, Value: value})
		}
	}
	fact("At", e.At.UTC().Format("2006-01-02 15:04:05.000000 MST"))
	fact("Verb", string(e.Verb))
	fact("Object", strings.TrimSpace(e.Object.Kind+" "+e.Object.ID))
	fact("Person", e.Actor.ID)
	fact("Really", strings.TrimSpace(e.Behind.Name+" "+e.Behind.ID))
	fact("By token", e.TokenID)
	if view != tenancy.OwnAudit {
		fact("Workspace", orWord(e.Tenant, "none: the site"))
	}
	fact("From address", e.Address)
	fact("Request", e.RequestID)
	of := func(name, value string) string {
		if value == "" {
			return ""
		}
		return auditAddress("/audit", url.Values{"of": query["of"]}, func(q url.Values) { q.Set(name, value) })
	}
	v.PersonLink, v.ObjectLink = of("person", e.Actor.ID), of("about", e.Object.ID)
	return v
}

func orWord(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// auditChanges puts what was before and after side by side, by the names of values.
func auditChanges(before, after string) []templates.AuditChange {
	was, is := auditValues(before), auditValues(after)
	names := slices.Sorted(maps.Keys(was))
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if _, both := was[name]; !both {
			names = append(names, name)
		}
	}
	changes := make([]templates.AuditChange, 0, len(names))
	for _, name := range names {
		changes = append(changes, templates.AuditChange{Name: name, Before: was[name], After: is[name], Differs: was[name] != is[name]})
	}
	return changes
}

// auditValues are the values of a detail in words; what is no object stands under one name.
func auditValues(detail string) map[string]string {
	if detail == "" {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(detail), &fields); err != nil {
		return map[string]string{"value": auditValue([]byte(detail))}
	}
	values := map[string]string{}
	for name, value := range fields {
		values[name] = auditValue(value)
	}
	return values
}

func auditValue(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var list []string
	if json.Unmarshal(value, &list) == nil && list != nil {
		return strings.Join(list, " ")
	}
	var indented bytes.Buffer
	if len(value) > 0 && (value[0] == '{' || value[0] == '[') && json.Indent(&indented, value, "", "  ") == nil {
		return indented.String()
	}
	return string(value)
}
