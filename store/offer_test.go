package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/store"
	"trunkline/tenancy"
)

// campus offers VLANs of the physical network campus, by tag.
func campus(devices map[string]string, vlans ...control.OfferedVLAN) control.Offer {
	return control.Offer{Network: "campus", Devices: devices, VLANs: vlans}
}

func TestAnOfferComesBackAsItWasSaved(t *testing.T) {
	everyPool(t, func(t *testing.T, s *store.Store, _ *clock) {
		ctx := t.Context()
		a, err := s.HostRecord(ctx, "host-a")
		must(t, err)
		b := enrol(t, s, "host-b")
		dc := control.Offer{Network: "dc", Devices: map[string]string{b: "eth2"}, VLANs: []control.OfferedVLAN{{VLAN: 120, Tenant: beta}}}
		must(t, s.SaveOffer(ctx, dc)) // the same tag in another network
		must(t, s.SaveOffer(ctx, campus(map[string]string{a.ID: "eth1", b: "bond0.7"}, control.OfferedVLAN{VLAN: 4094, Tenant: alpha}, control.OfferedVLAN{VLAN: 0, Tenant: beta})))
		next := campus(map[string]string{b: "eth1"}, control.OfferedVLAN{VLAN: 0, Tenant: beta}, control.OfferedVLAN{VLAN: 120, Tenant: alpha})
		must(t, s.SaveOffer(ctx, next))
		must(t, s.SaveOffer(ctx, next))
		offers, err := s.Offers(ctx)
		must(t, err)
		if diff := cmp.Diff([]control.Offer{next, dc}, offers); diff != "" {
			t.Errorf("offers (-saved +read):\n%s", diff)
		}
	})
}

func TestOffersThatMakeNoSenseAreRefused(t *testing.T) {
	everyPool(t, func(t *testing.T, s *store.Store, _ *clock) {
		ctx := t.Context()
		a, err := s.HostRecord(ctx, "host-a")
		must(t, err)
		must(t, s.SaveOffer(ctx, control.Offer{Network: "dc", Devices: map[string]string{a.ID: "eth2"}}))
		for name, c := range map[string]struct {
			offer control.Offer
			code  fault.Code
			says  string
		}{
			"no name":                           {control.Offer{}, fault.Invalid, "Name the physical network"},
			"a name with a blank":               {control.Offer{Network: "a b"}, fault.Invalid, "Name the physical network"},
			"an interface that is none":         {campus(map[string]string{a.ID: "a/b"}), fault.Invalid, "no name of a network interface"},
			"an interface of another network":   {campus(map[string]string{a.ID: "eth2"}), fault.Conflict, "another physical network"},
			"a host that is none":               {campus(map[string]string{"nobody": "eth1"}), fault.NotFound, "no compute host"},
			"a workspace that is none":          {campus(nil, control.OfferedVLAN{VLAN: 5, Tenant: "gamma"}), fault.Invalid, "no workspace"},
			"a tag that is none":                {campus(nil, control.OfferedVLAN{VLAN: 4095, Tenant: alpha}), fault.Invalid, "no VLAN"},
			"one VLAN for two":                  {campus(nil, control.OfferedVLAN{VLAN: 5, Tenant: alpha}, control.OfferedVLAN{VLAN: 5, Tenant: beta}), fault.Invalid, "two workspaces"},
			"a name too long for the interface": {campus(map[string]string{a.ID: strings.Repeat("x", 16)}), fault.Invalid, "1 to 15"},
		} {
			err := s.SaveOffer(ctx, c.offer)
			if fault.CodeOf(err) != c.code || !strings.Contains(fault.Sentence(err), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
		offers, err := s.Offers(ctx)
		must(t, err)
		if len(offers) != 1 {
			t.Errorf("a refused offer was stored: %+v", offers)
		}
		wantCode(t, s.DeleteOffer(ctx, "campus"), fault.NotFound)
	})
}

func TestAVLANThatIsTakenBackRestsBeforeAnotherTenantGetsIt(t *testing.T) {
	everyPool(t, func(t *testing.T, s *store.Store, c *clock) {
		ctx := t.Context()
		ours, theirs := campus(nil, control.OfferedVLAN{VLAN: 120, Tenant: alpha}), campus(nil, control.OfferedVLAN{VLAN: 120, Tenant: beta})
		must(t, s.SaveOffer(ctx, ours))
		wantCode(t, s.SaveOffer(ctx, theirs), fault.Conflict)
		must(t, s.SaveOffer(ctx, campus(nil)))
		must(t, s.SaveOffer(ctx, ours)) // the same tenant again
		must(t, s.DeleteOffer(ctx, "campus"))
		c.move(9 * time.Minute)
		must(t, s.Prune(ctx, c.now()))
		err := s.SaveOffer(ctx, theirs)
		wantCode(t, err, fault.Conflict)
		if !strings.Contains(fault.Sentence(err), "free in 60 s") {
			t.Error(fault.Sentence(err))
		}
		c.move(time.Minute)
		must(t, s.SaveOffer(ctx, theirs))
		offers, err := s.Offers(ctx)
		must(t, err)
		if len(offers) != 1 || offers[0].VLANs[0].Tenant != beta {
			t.Errorf("offers %+v", offers)
		}
	})
}

func TestWhatALabUsesIsNotTakenAway(t *testing.T) {
	everyPool(t, func(t *testing.T, s *store.Store, _ *clock) {
		ctx := t.Context()
		a, err := s.HostRecord(ctx, "host-a")
		must(t, err)
		b := enrol(t, s, "host-b")
		offer := campus(map[string]string{a.ID: "eth1", b: "eth1"}, control.OfferedVLAN{VLAN: 120, Tenant: alpha}, control.OfferedVLAN{VLAN: 7, Tenant: alpha})
		must(t, s.SaveOffer(ctx, offer))
		r := newLab(alpha, "campus")
		r.Revision.Lab.Nodes = append(r.Revision.Lab.Nodes, &lab.Node{Name: "wall", Kind: lab.External, External: &lab.ExternalConfig{Network: "campus", VLAN: 120}})
		must(t, s.CreateLab(ctx, inAlpha, r))
		deploy := func(d control.Desired) {
			t.Helper()
			_, err := s.ChangeDesired(ctx, inAlpha, r.ID, func(r *control.Record) error { r.Desired = d; return nil })
			must(t, err)
		}
		deployed := control.Deployment{Want: control.WantRun, Revision: 1, Places: map[string]control.Place{"wall": {HostID: a.ID}}}
		without120 := campus(offer.Devices, control.OfferedVLAN{VLAN: 7, Tenant: alpha})
		for name, desired := range map[string]control.Desired{
			"it runs":              {Deployment: deployed},
			"a deploy may go back": {Deployment: control.Deployment{Want: control.WantRun}, Deploy: 1, Back: &deployed},
		} {
			deploy(desired)
			for what, err := range map[string]error{"the VLAN": s.SaveOffer(ctx, without120), "the network": s.DeleteOffer(ctx, "campus")} {
				if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Sentence(err), "A lab uses") {
					t.Errorf("%s: %s was taken away: %v", name, what, err)
				}
			}
		}
		deploy(control.Desired{Deployment: deployed})
		for device, code := range map[string]fault.Code{"": fault.Conflict, "eth9": fault.Conflict, "eth1": ""} {
			changed := offer
			changed.Devices = map[string]string{b: "eth3"} // nothing is placed there
			if device != "" {
				changed.Devices[a.ID] = device
			}
			if err := s.SaveOffer(ctx, changed); fault.CodeOf(err) != code {
				t.Errorf("interface %q in the place of eth1: %v", device, err)
			}
		}
		deploy(control.Desired{Deployment: control.Deployment{Want: control.WantRun}, Back: &deployed}) // settled: it does not go back
		must(t, s.SaveOffer(ctx, without120))
		must(t, s.DeleteOffer(ctx, "campus"))
	})
}

func TestOfManyWhoGiveAVLANAtOnceOneWins(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		user, _ := seed(t, s)
		const givers = 16
		for i := range givers {
			id := fmt.Sprint("tenant", i)
			must(t, s.EnsureTenant(t.Context(), id, id, tenancy.Membership{UserID: user, TenantID: id, Role: tenancy.Owner}))
		}
		var given atomic.Int32
		var all sync.WaitGroup
		for i := range givers {
			all.Go(func() {
				err := s.SaveOffer(context.Background(), campus(nil, control.OfferedVLAN{VLAN: 120, Tenant: fmt.Sprint("tenant", i)}))
				switch {
				case err == nil:
					given.Add(1)
				case !fault.Is(err, fault.Conflict):
					t.Error(err)
				}
			})
		}
		all.Wait()
		offers, err := s.Offers(t.Context())
		must(t, err)
		if given.Load() != 1 || len(offers) != 1 || len(offers[0].VLANs) != 1 {
			t.Errorf("%d of %d were told that they gave the VLAN: %+v", given.Load(), givers, offers)
		}
	})
}
