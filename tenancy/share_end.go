package tenancy

import (
	"context"
	"strconv"
	"strings"
	"time"

	"trunkline/internal/fault"
)

// ChangeShare gives a share another level or end. It counts at once: open pages and shells of whom it concerns close with the reason.
func (s *Shares) ChangeShare(ctx context.Context, actor Actor, lab, id string, change ShareChange) (Share, error) {
	object, err := s.lab(ctx, actor, lab)
	if err != nil {
		return Share{}, err
	}
	longest, err := s.Longest(ctx)
	if err != nil {
		return Share{}, err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	var before, after Share
	err = s.shares.ChangeShare(ctx, actor.Scope(), object.Lab, id, func(share *Share) error {
		before = *share
		switch {
		case change.Level != "" && !change.Level.Known():
			return errLevel(change.Level)
		case change.Level == LevelEdit && share.Link != nil && share.Link.Guests:
			return errGuestsEdit
		case change.Life != 0 && (change.Life < time.Minute || change.Life > longest):
			return errShareLife(longest)
		}
		if change.Level != "" {
			share.Level = change.Level
		}
		if change.Life != 0 {
			share.Expires = now.Add(change.Life)
		}
		after = *share
		return nil
	})
	if err != nil {
		return Share{}, err
	}
	s.ring(object.Tenant, actor.UserName+" has changed what you may do with "+object.Name+": you may "+after.Level.may()+" now.")
	event := actor.AuditEvent(AuditShare, AuditObject{Kind: "lab", ID: object.Lab, Name: object.name()})
	return after, Record(ctx, s.audit, event.changed(before.detail(), after.detail()))
}

// may says what a level allows, after “you may”.
func (l Level) may() string {
	switch l {
	case LevelEdit:
		return "change and run it"
	case LevelConsole:
		return "work in its nodes"
	}
	return "look on"
}

// EndShare takes a share back, or sends away one guest of a link: id is a share's or a guest's. Whoever it concerns is cut off at once.
func (s *Shares) EndShare(ctx context.Context, actor Actor, lab, id string) error {
	object, err := s.lab(ctx, actor, lab)
	if err != nil {
		return err
	}
	event := actor.AuditEvent(AuditShareEnd, AuditObject{Kind: "lab", ID: object.Lab, Name: object.name()})
	share, err := s.shares.DeleteShare(ctx, actor.Scope(), object.Lab, id)
	if fault.Is(err, fault.NotFound) {
		guest, gone := s.shares.SendAway(ctx, actor.Scope(), object.Lab, id)
		if gone != nil {
			return gone
		}
		event = event.changed(map[string]string{"guest": guest.ID, "name": guest.Name}, nil)
	} else if err != nil {
		return err
	} else {
		event = event.changed(share.detail(), nil)
	}
	s.ring(object.Tenant, actor.UserName+" no longer shares "+object.Name+" with you.")
	return Record(ctx, s.audit, event)
}

// ring wakes who may have lost or got rights in the tenant, and lets Run look when the next share ends.
func (s *Shares) ring(tenant, reason string) {
	s.bell.Publish(Revocation{TenantID: tenant, Reason: reason})
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// ParseLife reads how long something is shared, such as 90m, 168h or 7d; "" is 0.
func ParseLife(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if days, whole := strings.CutSuffix(text, "d"); whole {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	life, err := time.ParseDuration(text)
	if err != nil {
		return 0, fault.Wrap(err, fault.Invalid, "%q is no time. Give one such as 90m, 8h or 7d.", text).InField("life")
	}
	return life, nil
}

// Longest is how long a share may work on this site.
func (s *Shares) Longest(ctx context.Context) (time.Duration, error) {
	longest, err := s.settings.LongestShare(ctx)
	if longest == 0 {
		longest = LongestShare
	}
	return longest, err
}

// SetLongest decides it, for administrators of the site. What is shared already stays as it is.
func (s *Shares) SetLongest(ctx context.Context, actor Actor, longest time.Duration) error {
	if err := Allow(actor, ManageSite, ObjectRef{}); err != nil {
		return err
	}
	if longest < 24*time.Hour || longest > longestEver {
		return fault.New(fault.Invalid, "Choose a day to %d days.", longestEver/(24*time.Hour)).InField("longest")
	}
	before, err := s.Longest(ctx)
	if err != nil {
		return err
	}
	if err := s.settings.SetLongestShare(ctx, longest); err != nil {
		return err
	}
	event := actor.AuditEvent(AuditSiteChange, AuditObject{Kind: "site", Name: "longest share"}).of("")
	return Record(ctx, s.audit, event.changed(before.String(), longest.String()))
}

// sweepEvery bounds how long a share outlives what nobody rings for.
const sweepEvery = 30 * time.Second

// Run ends shares when their time is over and when their makers may no longer share, until ctx ends. Rights do not wait for it: Reach looks at
// both each time. What is open learns of it here.
func (s *Shares) Run(ctx context.Context) error {
	heard, stop := s.bell.ListenToAll()
	defer stop()
	for {
		next, err := s.Sweep(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait := sweepEvery
		if err == nil && !next.IsZero() {
			wait = max(min(next.Sub(s.now()), sweepEvery), 10*time.Millisecond)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-heard:
		case <-s.changed:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// Sweep ends what has to end now, and returns when the next share's time is over; zero: none is left.
func (s *Shares) Sweep(ctx context.Context) (next time.Time, err error) {
	all, err := s.visits.Reaches(ctx, Visitor{}, "", time.Time{})
	if err != nil {
		return time.Time{}, err
	}
	now := s.now()
	reasons := map[string]string{}
	labs := map[string]ObjectRef{}
	for _, one := range all {
		switch {
		case !now.Before(one.Share.Expires):
			reasons[one.Share.ID] = "The time for which " + one.Object.Name + " was shared with you is over."
		case one.makerMay() != nil:
			reasons[one.Share.ID] = one.Share.ByName + " may no longer share " + one.Object.Name + "."
		case next.IsZero() || one.Share.Expires.Before(next):
			next = one.Share.Expires
		}
		labs[one.Share.ID] = one.Object
	}
	if len(reasons) == 0 {
		return next, nil
	}
	ids := make([]string, 0, len(reasons))
	for id := range reasons {
		ids = append(ids, id)
	}
	ended, err := s.visits.EndShares(ctx, ids)
	for _, share := range ended {
		s.bell.Publish(Revocation{TenantID: share.Tenant, Reason: reasons[share.ID]})
		object := labs[share.ID]
		event := siteItself(AuditShareEnd, AuditObject{Kind: "lab", ID: share.Lab, Name: object.name()}).of(share.Tenant)
		if kept := Record(ctx, s.audit, event.changed(share.detail(), nil)); kept != nil && err == nil {
			err = kept
		}
	}
	return next, err
}
