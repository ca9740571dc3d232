package tenancy

import "context"

// WithBell tells people whose rights a provider changed while they are here.
func (a *Accounts) WithBell(bell *Revocations) *Accounts {
	a.bell = bell
	return a
}

// tell rings for the person in each tenant where rights changed.
func (a *Accounts) tell(user User, settled Settled, reason string) {
	for _, v := range settled.Revocations(user.ID, reason) {
		a.bell.Publish(v)
	}
}

// Revocations is what to publish of it: for the person, in each tenant where a right was changed or taken.
func (s Settled) Revocations(userID, reason string) []Revocation {
	var all []Revocation
	for _, c := range s.Changes {
		if c.Was != "" {
			all = append(all, Revocation{UserID: userID, TenantID: c.TenantID, Reason: reason})
		}
	}
	return all
}

// RefusedBy records that somebody who came by a provider was not let in.
func (a *Accounts) RefusedBy(ctx context.Context, provider, why string) {
	a.noteRefused(ctx, refusedSignIn{By: "provider " + plainText(provider, 64), Why: why})
}

// told is what the audit keeps of an identity.
func (i Identity) told() any {
	return map[string]string{"provider": i.Provider, "issuer": i.Issuer, "subject": i.Subject, "email": i.Email}
}

// ofSite is an event that is about no workspace.
func ofSite(e AuditEvent, before, after any) AuditEvent {
	e.Tenant, e.Before, e.After = "", before, after
	return e
}

// recordAdmitted writes down who was made and what changed.
func (a *Accounts) recordAdmitted(ctx context.Context, id Identity, admitted Admitted) error {
	if admitted.New {
		user := AuditObject{Kind: "user", ID: admitted.User.ID, Name: admitted.User.displayName()}
		if err := Record(ctx, a.audit, AuditEvent{Verb: AuditUserCreate, Object: user, After: id.told()}); err != nil {
			return err
		}
	}
	return a.recordSettled(ctx, id.Provider, admitted.User, admitted.Settled)
}

// recordSettled writes down which memberships a provider gave, changed and took: nobody did it, so that the event has no actor.
func (a *Accounts) recordSettled(ctx context.Context, provider string, user User, settled Settled) error {
	given := func(role Role) any {
		if role == "" {
			return nil
		}
		return map[string]string{"role": string(role), "source": provider}
	}
	who := AuditObject{Kind: "user", ID: user.ID, Name: user.displayName()}
	for _, c := range settled.Changes {
		e := AuditEvent{Verb: AuditMemberRole, Tenant: c.TenantID, Object: who, Before: given(c.Was), After: given(c.Is)}
		switch {
		case c.Was == "":
			e.Verb = AuditMemberAdd
		case c.Is == "":
			e.Verb = AuditMemberRemove
		}
		if err := Record(ctx, a.audit, e); err != nil {
			return err
		}
	}
	for _, tenant := range settled.Kept {
		e := AuditEvent{Verb: AuditMemberRole, Tenant: tenant, Object: who, Before: given(Owner), After: map[string]string{"role": string(Owner), "source": provider, "kept": "last owner"}}
		if err := Record(ctx, a.audit, e); err != nil {
			return err
		}
	}
	return nil
}
