package control_test

import (
	"slices"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

func TestAnOfferIsSeenByWhomItIsMadeToAndByNobodyElse(t *testing.T) {
	y := newYard(t)
	ctx := t.Context()
	a, b := y.join("host-a"), y.join("host-b")
	must(t, y.control.SaveOffer(ctx, admin, control.Offer{
		Network: "campus", Devices: map[string]string{"host-a": "eno2", b: "eno3"},
		VLANs: []control.OfferedVLAN{{VLAN: 120, Tenant: "alpha"}, {VLAN: 7, Tenant: "beta"}},
	}))
	must(t, y.control.SaveOffer(ctx, admin, control.Offer{
		Network: "storage", Devices: map[string]string{a: "eno4"}, VLANs: []control.OfferedVLAN{{VLAN: 0, Tenant: "beta"}},
	}))
	all, err := y.control.Offers(ctx, admin)
	must(t, err)
	if len(all) != 2 || all[0].Network != "campus" || all[0].Devices[a] != "eno2" || all[0].Devices[b] != "eno3" || len(all[0].VLANs) != 2 {
		t.Errorf("the administrator sees %+v", all)
	}
	observer := tenancy.Actor{UserID: "oz", TenantID: "alpha", Role: tenancy.Observer}
	of, err := y.control.Networks(ctx, observer)
	must(t, err)
	if len(of.Offers) != 1 || of.Offers[0].Network != "campus" || len(of.Offers[0].Devices) != 0 ||
		!slices.Equal(of.Offers[0].VLANs, []control.OfferedVLAN{{VLAN: 120, Tenant: "alpha"}}) {
		t.Errorf("alpha sees %+v", of.Offers)
	}
	of, err = y.control.Networks(ctx, y.eve)
	must(t, err)
	if len(of.Offers) != 2 || len(of.Offers[0].VLANs) != 1 || of.Offers[0].VLANs[0].VLAN != 7 || of.Offers[1].VLANs[0].VLAN != 0 {
		t.Errorf("beta sees %+v", of.Offers)
	}
	must(t, y.control.DeleteOffer(ctx, admin, "storage"))
	if of, err = y.control.Networks(ctx, y.eve); err != nil || len(of.Offers) != 1 {
		t.Errorf("an offer that was taken back is seen: %+v %v", of.Offers, err)
	}
}

func TestATenantSeesItsOwnIdentifiersAlone(t *testing.T) {
	y := newYard(t)
	ctx := t.Context()
	id := y.create(ring("x", 2))
	_, err := y.store.VNIs(ctx, y.ada.Scope(), id, []string{"one", "two"})
	must(t, err)
	of, err := y.control.Networks(ctx, y.ada)
	must(t, err)
	if len(of.Blocks) != 1 || of.Blocks[0].Used != 2 || of.Blocks[0].First < 4096 {
		t.Errorf("alpha has %+v", of.Blocks)
	}
	of, err = y.control.Networks(ctx, y.eve)
	must(t, err)
	if len(of.Blocks) != 0 {
		t.Errorf("beta, which has none, sees %+v", of.Blocks)
	}
	for name, actor := range map[string]tenancy.Actor{"nobody": {}, "a member of nothing": {UserID: "x"}} {
		if of, err := y.control.Networks(ctx, actor); err == nil {
			t.Errorf("%s sees %+v", name, of)
		}
	}
}

func TestAnOfferThatMakesNoSenseIsRefusedInWords(t *testing.T) {
	y := newYard(t)
	a := y.join("host-a")
	on := map[string]string{"host-a": "eno2"}
	for name, c := range map[string]struct {
		offer control.Offer
		code  fault.Code
		field string
		words string
	}{
		"no name":             {control.Offer{Devices: on}, fault.Invalid, "network", "Name the physical network"},
		"no host":             {control.Offer{Network: "campus"}, fault.Invalid, "devices", "one host at least"},
		"a host that is not":  {control.Offer{Network: "campus", Devices: map[string]string{"host-x": "eno1"}}, fault.Invalid, "devices", "host-x"},
		"an interface of two": {control.Offer{Network: "campus", Devices: map[string]string{"host-a": "eno1", a: "eno2"}}, fault.Invalid, "devices", "named twice"},
		"a broken interface":  {control.Offer{Network: "campus", Devices: map[string]string{"host-a": "a/b"}}, fault.Invalid, "devices", `"a/b"`},
		"a VLAN of two": {control.Offer{Network: "campus", Devices: on, VLANs: []control.OfferedVLAN{{VLAN: 5, Tenant: "alpha"}, {VLAN: 5, Tenant: "beta"}}},
			fault.Invalid, "vlans", "VLAN 5"},
		"a workspace that is not": {control.Offer{Network: "campus", Devices: on, VLANs: []control.OfferedVLAN{{VLAN: 5, Tenant: "gamma"}}},
			fault.Invalid, "tenants", "gamma"},
	} {
		t.Run(name, func(t *testing.T) {
			err := y.control.SaveOffer(t.Context(), admin, c.offer)
			wantComplaint(t, err, c.code, c.field, c.words)
		})
	}
	if all, err := y.control.Offers(t.Context(), admin); err != nil || len(all) != 0 {
		t.Errorf("something is offered all the same: %+v %v", all, err)
	}
}
