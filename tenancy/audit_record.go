package tenancy

import (
	"context"

	"trunkline/internal/fault"
)

// Origin is where a request comes from, for events that nobody who is signed in has caused.
type Origin struct {
	Address   string
	RequestID string
}

type originKey struct{}

// FromOrigin lets events that are recorded below ctx say where they come from, where they do not say it themselves.
func FromOrigin(ctx context.Context, origin Origin) context.Context {
	return context.WithValue(ctx, originKey{}, origin)
}

// Record keeps what was done and is committed; a nil auditor keeps nothing. It returns an error only for verbs that must be kept, and the request then answers with
// it: the person learns that the deed stands and is not written down, and the log has the event.
func Record(ctx context.Context, auditor Auditor, event AuditEvent) error {
	err := record(ctx, auditor, event)
	if err == nil {
		return nil
	}
	return fault.Wrap(err, fault.CodeOf(err), "It was done, but could not be written to the audit. Tell an administrator of this site, and look at it before you try again. (%s)", fault.Sentence(err))
}

// RecordFirst keeps what is about to be done and can still be left: a shell before it opens, a sign-in before its session is made, a secret before it is shown. On
// an error the caller leaves it, or takes it back.
func RecordFirst(ctx context.Context, auditor Auditor, event AuditEvent) error {
	err := record(ctx, auditor, event)
	if err == nil {
		return nil
	}
	return fault.Wrap(err, fault.CodeOf(err), "It was not done, because it cannot be written to the audit now. Try again. (%s)", fault.Sentence(err))
}

func record(ctx context.Context, auditor Auditor, event AuditEvent) error {
	if auditor == nil {
		return nil
	}
	origin, _ := ctx.Value(originKey{}).(Origin)
	if event.Address == "" {
		event.Address = origin.Address
	}
	if event.RequestID == "" {
		event.RequestID = origin.RequestID
	}
	if err := auditor.Record(ctx, event); err != nil && event.Verb.MustBeKept() {
		return err
	}
	return nil
}

// AuditUser names a person as the object of an event.
func AuditUser(id, name string) AuditObject { return AuditObject{Kind: "user", ID: id, Name: name} }

// AuditTenant names a workspace as the object of an event.
func AuditTenant(t Tenant) AuditObject { return AuditObject{Kind: "workspace", ID: t.ID, Name: t.Name} }

// siteItself is who did what the program does by itself.
func siteItself(verb AuditVerb, object AuditObject) AuditEvent {
	return AuditEvent{Actor: AuditPerson{Name: "Trunkline"}, Verb: verb, Object: object}
}

// of puts the event into a workspace; "" is the site.
func (e AuditEvent) of(tenant string) AuditEvent {
	e.Tenant = tenant
	return e
}

// changed says what was there before and what is there after.
func (e AuditEvent) changed(before, after any) AuditEvent {
	e.Before, e.After = before, after
	return e
}

// roleDetail is the before or after of a membership.
type roleDetail struct {
	Role Role   `json:"role"`
	By   string `json:"by,omitempty"` // "invitation", a provider's id; "": by hand
}
