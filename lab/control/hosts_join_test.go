package control_test

import (
	"strings"
	"testing"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/lab/control"
)

func TestAJoinTokenIsMadeListedUsedAndTakenBack(t *testing.T) {
	y := newYard(t)
	ctx := t.Context()
	made, err := y.control.CreateJoinToken(ctx, admin, control.JoinRequest{Name: "host-a", Labels: map[string]string{"rack": "1"}})
	must(t, err)
	if made.Secret == "" || made.ID == "" || made.ID == made.Secret || strings.Contains(made.Secret, made.ID) {
		t.Errorf("%+v", made)
	}
	if life := made.ExpiresAt.Sub(made.CreatedAt).Round(time.Second); life != time.Hour {
		t.Errorf("it works for %s", life)
	}
	listed, err := y.control.JoinTokens(ctx, admin)
	must(t, err)
	if len(listed) != 1 || listed[0].ID != made.ID || listed[0].Secret != "" || listed[0].Name != "host-a" || listed[0].Labels["rack"] != "1" {
		t.Errorf("listed as %+v", listed)
	}
	spare, err := y.control.CreateJoinToken(ctx, admin, control.JoinRequest{Life: 30 * 24 * time.Hour})
	must(t, err)
	must(t, y.control.DeleteJoinToken(ctx, admin, spare.ID))
	if err := y.control.DeleteJoinToken(ctx, admin, spare.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("taken back twice: %v", err)
	}
	_, err = y.store.Enrol(ctx, hostlink.Enrolment{Token: spare.Secret, Name: "x", PublicKey: []byte("x")})
	if !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a token that was taken back lets a host in: %v", err)
	}
	id, err := y.store.Enrol(ctx, hostlink.Enrolment{Token: made.Secret, Name: "whatever", PublicKey: []byte("a")})
	must(t, err)
	if v := y.view(id); v.Name != "host-a" || v.Labels["rack"] != "1" || v.Connected {
		t.Errorf("joined as %+v", v.HostView)
	}
	if listed, err = y.control.JoinTokens(ctx, admin); err != nil || len(listed) != 0 {
		t.Errorf("a used token is listed: %+v %v", listed, err)
	}
}

func TestAJoinRequestThatMakesNoSenseIsRefusedInWords(t *testing.T) {
	y := newYard(t)
	y.join("host-a")
	y.join("host-b")
	must(t, y.control.RevokeHost(t.Context(), admin, "host-b"))
	for name, c := range map[string]struct {
		request control.JoinRequest
		code    fault.Code
		field   string
		words   string
	}{
		"a life of seconds":        {control.JoinRequest{Life: time.Second}, fault.Invalid, "life", "a minute at least"},
		"a life that is over":      {control.JoinRequest{Life: -time.Hour}, fault.Invalid, "life", "a minute at least"},
		"a life of a year":         {control.JoinRequest{Life: 365 * 24 * time.Hour}, fault.Invalid, "life", "30 days at most"},
		"a name with a dot":        {control.JoinRequest{Name: "a.example"}, fault.Invalid, "name", `"a.example"`},
		"a name that is taken":     {control.JoinRequest{Name: "host-a"}, fault.Conflict, "name", "host host-a already"},
		"a name of a revoked host": {control.JoinRequest{Name: "host-b"}, fault.Conflict, "name", "was revoked and still has its name"},
		"a key that is none":       {control.JoinRequest{Labels: map[string]string{"": "x"}}, fault.Invalid, "labels", "is no key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := y.control.CreateJoinToken(t.Context(), admin, c.request)
			wantComplaint(t, err, c.code, c.field, c.words)
		})
	}
	if listed, err := y.control.JoinTokens(t.Context(), admin); err != nil || len(listed) != 0 {
		t.Errorf("a token was made all the same: %+v %v", listed, err)
	}
}
