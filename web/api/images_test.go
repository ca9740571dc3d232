package api_test

import (
	"slices"
	"strings"
	"testing"

	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
)

func TestImagePoliciesAreReadAndReplaced(t *testing.T) {
	c, _ := site(t)
	for _, scope := range []control.PolicyScope{control.OfSite, control.OfWorkspace} {
		first, err := c.ImagePolicy(t.Context(), scope)
		if err != nil || len(first.Map) != 0 || len(first.Allow) != 0 || first.Revision == "" {
			t.Fatalf("%s at first: %+v, %v", scope, first, err)
		}
		first.Map["frrouting/*"], first.Allow = "trunkline/router", []string{string(scope) + "/*"}
		stored, err := c.SetImagePolicy(t.Context(), scope, first)
		if err != nil || stored.Revision == first.Revision {
			t.Fatalf("%s: stored %+v, %v", scope, stored, err)
		}
		if _, err := c.SetImagePolicy(t.Context(), scope, first); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: a change of something old: %v", scope, err)
		}
	}
	for _, scope := range []control.PolicyScope{control.OfSite, control.OfWorkspace} {
		got, err := c.ImagePolicy(t.Context(), scope)
		if err != nil || got.Map["frrouting/*"] != "trunkline/router" || !slices.Equal(got.Allow, []string{string(scope) + "/*"}) {
			t.Errorf("%s: read %+v, %v", scope, got, err)
		}
	}
}

func TestAnImagePolicyThatIsWrongIsRefusedInWords(t *testing.T) {
	c, _ := site(t)
	cases := []struct {
		name   string
		scope  control.PolicyScope
		policy control.ImagePolicy
		says   string
	}{
		{"nothing behind the =", control.OfSite, control.ImagePolicy{Map: map[string]string{"a": ""}, Allow: []string{}}, "stands nothing"},
		{"a pattern with a space", control.OfWorkspace, control.ImagePolicy{Map: map[string]string{}, Allow: []string{"a b"}}, "no pattern of images"},
		{"a scope that is none", "planet", control.ImagePolicy{Map: map[string]string{}, Allow: []string{}}, "alidation"},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			_, err := c.SetImagePolicy(t.Context(), k.scope, k.policy)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Sentence(err), k.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWithoutATokenNoImagePolicyIsShown(t *testing.T) {
	_, ready := site(t)
	nobody, err := client.New(ready.URL, "wrong")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nobody.ImagePolicy(t.Context(), control.OfSite); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("got %v", err)
	}
}
