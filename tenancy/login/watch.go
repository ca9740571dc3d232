package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// People are those who came in by providers and may still be here.
type People interface {
	// ToCheck lists those of a provider that were not asked about since: the longest ago first, most at once.
	ToCheck(ctx context.Context, provider string, since time.Time, most int) ([]tenancy.LinkedIdentity, error)
	// KeepTokens stores what a refresh brought that could not ask to the end.
	KeepTokens(ctx context.Context, id Identity) error
}

// Desk gives and takes what providers say: *tenancy.Accounts.
type Desk interface {
	Reassess(ctx context.Context, id Identity, outcome tenancy.Outcome) (tenancy.Admitted, error)
	Withdraw(ctx context.Context, provider, issuer, subject string) (tenancy.Admitted, error)
}

// Begun is the browser sessions that providers began.
type Begun interface {
	// ProvidersOfSessions lists by which providers, also those that are not there any more.
	ProvidersOfSessions(ctx context.Context) ([]string, error)
	// Unheard lists the identities with sessions that the provider has not vouched for since then, or has said are gone.
	Unheard(ctx context.Context, provider string, since time.Time) ([]Identity, error)
}

// Watch is what Watching needs. Two controllers on one database must not watch at once: providers take a refresh token that is used twice for theft.
type Watch struct {
	People People
	Desk   Desk
	Begun  Begun // nil: no session ends because its provider is silent
	Rules  func(ctx context.Context, providerID string) ([]tenancy.Rule, error)
	Every  time.Duration // how often each person is asked about; 0: 40 s
	Log    *slog.Logger

	// Told is called after somebody's rights changed, and with Gone when the provider says that the person is not there, or has not said for too long that
	// it is: then end the sessions that the identity began. The reason is a sentence for that person.
	Told func(ctx context.Context, n Notice)
}

// Notice is what a check found.
type Notice struct {
	Identity Identity
	Admitted tenancy.Admitted
	Gone     bool
	Reason   string
}

const (
	watchEvery    = 40 * time.Second
	watchMost     = 2000 // people of a provider in one round
	watchAtOnce   = 4
	watchFailures = 3 // after so many in a row that could not be asked, the provider is left alone until the next round
)

// Watching asks again and again about everybody who is here, until ctx ends.
func (s *Service) Watching(ctx context.Context, w Watch) error {
	if w.Every <= 0 {
		w.Every = watchEvery
	}
	tick := time.NewTicker(w.Every / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := s.Round(ctx, w); err != nil && ctx.Err() == nil {
				w.Log.Warn("not everybody could be asked about", "err", err)
			}
		}
	}
}

// Round asks once about everybody who is due. Providers do not wait for each other.
func (s *Service) Round(ctx context.Context, w Watch) error {
	if w.Every <= 0 {
		w.Every = watchEvery
	}
	providers, err := s.cfg.Providers.Providers(ctx)
	if err != nil {
		return err
	}
	failures := make([]error, len(providers))
	var all sync.WaitGroup
	for i, p := range providers {
		all.Go(func() { failures[i] = s.round(ctx, w, p) })
	}
	all.Wait()
	return errors.Join(append(failures, s.silence(ctx, w, providers))...)
}

// silence ends what nobody vouches for any more: what a provider began that is gone, is switched off, or has been silent for longer than one waits.
func (s *Service) silence(ctx context.Context, w Watch, providers []Provider) error {
	if w.Begun == nil {
		return nil
	}
	began, err := w.Begun.ProvidersOfSessions(ctx)
	if err != nil {
		return err
	}
	for _, id := range began {
		since, reason := s.cfg.Now().Add(time.Hour), "Nobody signs in here any more the way you did. Choose another way to sign in."
		if i := slices.IndexFunc(providers, func(p Provider) bool { return p.ID == id }); i >= 0 && !providers[i].Disabled {
			wait := providers[i].Waits()
			since = s.cfg.Now().Add(-wait)
			reason = fmt.Sprintf("%s has not said for %s that you are still there, so you were signed out. Sign in again.", providers[i].Name, inWords(wait))
		}
		unheard, err := w.Begun.Unheard(ctx, id, since)
		if err != nil {
			return err
		}
		for _, identity := range unheard {
			w.Told(context.WithoutCancel(ctx), Notice{Identity: identity, Gone: true, Reason: reason})
		}
	}
	return nil
}

// inWords is a time as a sentence has it.
func inWords(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}

func (s *Service) round(ctx context.Context, w Watch, p Provider) error {
	due, err := w.People.ToCheck(ctx, p.ID, s.cfg.Now().Add(-w.Every), watchMost)
	if err != nil || len(due) == 0 {
		return err
	}
	rules, err := w.Rules(ctx, p.ID)
	if err != nil {
		return err
	}
	var failed atomic.Int32
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(watchAtOnce)
	for _, person := range due {
		group.Go(func() error {
			if failed.Load() >= watchFailures || ctx.Err() != nil {
				return nil
			}
			err := s.ask(ctx, w, person.Identity(), rules)
			switch {
			case err == nil:
				failed.Store(0)
			case fault.Is(err, fault.Unavailable):
				failed.Add(1)
				w.Log.Warn("somebody could not be asked about", "provider", p.ID, "err", err)
			default:
				return err
			}
			return nil
		})
	}
	return group.Wait()
}

// ask asks about one person, and sees to what comes of it. Unavailable: the provider, or the database, did not answer.
func (s *Service) ask(ctx context.Context, w Watch, id Identity, rules []tenancy.Rule) error {
	before := id
	id, err := s.Refresh(ctx, id)
	// A refresh that brought tokens used the old ones up: what it brought is kept, also when we are about to stop.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	switch {
	case fault.Is(err, fault.Unauthenticated):
		admitted, failed := w.Desk.Withdraw(keep, id.Provider, id.Issuer, id.Subject)
		if failed != nil {
			return failed
		}
		w.Told(keep, Notice{Identity: id, Admitted: admitted, Gone: true, Reason: fault.Sentence(err)})
		return nil
	case err != nil:
		if id.RefreshToken != before.RefreshToken || id.AccessToken != before.AccessToken {
			return errors.Join(err, w.People.KeepTokens(keep, id))
		}
		return err
	}
	admitted, err := w.Desk.Reassess(keep, id, tenancy.Evaluate(rules, id.Claims))
	if err != nil {
		return errors.Join(err, w.People.KeepTokens(keep, id))
	}
	if len(admitted.Changes) > 0 {
		w.Told(keep, Notice{Identity: id, Admitted: admitted, Reason: "Your provider says that you are in other groups now, and your rights here have changed."})
	}
	return nil
}
