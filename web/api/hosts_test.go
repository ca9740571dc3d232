package api_test

import (
	"context"
	"testing"
	"time"

	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
)

func TestAJoinTokenIsMadeListedAndRevoked(t *testing.T) {
	c, ready := site(t)
	before := time.Now()
	made, err := c.CreateJoinToken(t.Context(), control.JoinRequest{Name: "rack3-7", Labels: map[string]string{"zone": "a"}, Life: 8 * time.Hour})
	if err != nil || made.Secret == "" || made.Controller != ready.URL || made.Command != "trunkline host --controller "+ready.URL+" --token "+made.Secret || !made.Local {
		t.Fatalf("made %+v, %v", made, err)
	}
	if life := made.ExpiresAt.Sub(before); life < 8*time.Hour-time.Minute || life > 8*time.Hour+time.Minute {
		t.Errorf("it works for %v", life)
	}
	tokens, err := c.JoinTokens(t.Context())
	if err != nil || len(tokens) != 1 || tokens[0].ID != made.ID || tokens[0].Secret != "" || tokens[0].Labels["zone"] != "a" {
		t.Fatalf("listed %+v, %v", tokens, err)
	}
	if err := c.DeleteJoinToken(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteJoinToken(t.Context(), made.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoked twice: %v", err)
	}
	if tokens, err := c.JoinTokens(t.Context()); err != nil || tokens == nil || len(tokens) != 0 {
		t.Errorf("afterwards %v, %v", tokens, err)
	}
}

func TestAJoinTokenThatCannotBeIsRefusedInItsField(t *testing.T) {
	c, _ := site(t)
	for field, request := range map[string]control.JoinRequest{
		"name":   {Name: "Rack 3"},
		"labels": {Labels: map[string]string{"a b": "c"}},
		"life":   {Life: 31 * 24 * time.Hour},
	} {
		_, err := c.CreateJoinToken(t.Context(), request)
		if problem := fault.Public(err); problem.Code != fault.Invalid || problem.Field != field {
			t.Errorf("%s: %+v", field, problem)
		}
	}
}

func TestHostsThatAreNotThereAnswerAlike(t *testing.T) {
	c, _ := site(t)
	if hosts, err := c.Hosts(t.Context()); err != nil || hosts == nil || len(hosts) != 0 {
		t.Errorf("hosts are %v, %v", hosts, err)
	}
	if ways, err := c.Matrix(t.Context()); err != nil || ways == nil || len(ways) != 0 {
		t.Errorf("ways are %v, %v", ways, err)
	}
	name := "attic"
	for what, ask := range map[string]func(context.Context) error{
		"show": func(ctx context.Context) error { _, err := c.Host(ctx, "none"); return err },
		"change": func(ctx context.Context) error {
			_, err := c.ChangeHost(ctx, "none", control.HostChange{Name: &name})
			return err
		},
		"rotate": func(ctx context.Context) error { return c.RotateHostKey(ctx, "none") },
		"revoke": func(ctx context.Context) error { return c.RevokeHost(ctx, "none") },
		"remove": func(ctx context.Context) error { return c.RemoveHost(ctx, "none") },
		"log":    func(ctx context.Context) error { _, err := c.HostLog(ctx, "none", 10); return err },
		"offer":  func(ctx context.Context) error { return c.DeleteOffer(ctx, "none") },
	} {
		if err := ask(t.Context()); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := c.HostLog(t.Context(), "none", 5000); !fault.Is(err, fault.Invalid) {
		t.Errorf("too many lines: %v", err)
	}
}

func TestNetworksAndOffersAreListsAndRefuseNonsense(t *testing.T) {
	c, _ := site(t)
	has, err := c.Networks(t.Context())
	if err != nil || has.Blocks == nil || has.Offers == nil {
		t.Errorf("networks are %+v, %v", has, err)
	}
	if offers, err := c.Offers(t.Context()); err != nil || offers == nil || len(offers) != 0 {
		t.Errorf("offers are %v, %v", offers, err)
	}
	err = c.SaveOffer(t.Context(), control.Offer{Network: "campus", Devices: map[string]string{"nobody": "eth1"}})
	if problem := fault.Public(err); problem.Code != fault.Invalid || problem.Field != "devices" {
		t.Errorf("an offer on a host that is not there: %+v", problem)
	}
}

func TestEveryOperationOfHostsNeedsAToken(t *testing.T) {
	_, ready := site(t)
	nobody, err := client.New(ready.URL, "wrong")
	if err != nil {
		t.Fatal(err)
	}
	for what, ask := range map[string]func() error{
		"hosts":    func() error { _, err := nobody.Hosts(t.Context()); return err },
		"join":     func() error { _, err := nobody.CreateJoinToken(t.Context(), control.JoinRequest{}); return err },
		"matrix":   func() error { _, err := nobody.Matrix(t.Context()); return err },
		"revoke":   func() error { return nobody.RevokeHost(t.Context(), "x") },
		"networks": func() error { _, err := nobody.Networks(t.Context()); return err },
		"offers":   func() error { _, err := nobody.Offers(t.Context()); return err },
	} {
		if err := ask(); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
