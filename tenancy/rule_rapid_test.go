package tenancy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	roles   = []Role{Observer, Member, Manager, Owner}
	anyRole = rapid.SampledFrom(roles)
	word    = rapid.StringMatching(`[a-c]{1,2}`)
)

var anyRule = rapid.Custom(func(t *rapid.T) Rule {
	r := Rule{ID: word.Draw(t, "id"), Tenant: word.Draw(t, "tenant"), Role: anyRole.Draw(t, "role"), Create: rapid.Bool().Draw(t, "create")}
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		r.Domain = "a.org"
	case 1:
		r.Claim, r.Match, r.Tenant = word.Draw(t, "claim"), "/(.)(.?)/", "x-${1}"
	case 2:
		r.Claim, r.Match = "n."+word.Draw(t, "claim"), "/"+word.Draw(t, "match")+".?/"
	default:
		r.Claim, r.Match = word.Draw(t, "claim"), word.Draw(t, "match")
	}
	return r
})

var anyClaims = rapid.Custom(func(t *rapid.T) map[string]any {
	claims := map[string]any{}
	fill := func(into map[string]any, name string) {
		for key, values := range rapid.MapOf(word, rapid.SliceOfN(word, 0, 4)).Draw(t, name) {
			list := make([]any, len(values))
			for i, v := range values {
				list[i] = v
			}
			into[key] = list
		}
	}
	fill(claims, "claims")
	if rapid.Bool().Draw(t, "nested") {
		inner := map[string]any{}
		fill(inner, "inner")
		claims["n"] = inner
	}
	if rapid.Bool().Draw(t, "with address") {
		claims["email"], claims["email_verified"] = "x@a.org", rapid.Bool().Draw(t, "verified")
	}
	return claims
})

var anyHeld = rapid.Custom(func(t *rapid.T) []Membership {
	var held []Membership
	for tenant, role := range rapid.MapOf(rapid.OneOf(word, rapid.Map(word, func(w string) string { return "x-" + w })), anyRole).Draw(t, "held") {
		held = append(held, Membership{TenantID: tenant, Role: role})
	}
	return held
})

// shuffled returns the claims with every list in another order and each value twice.
func shuffled(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			out[key] = shuffled(t, inner)
		}
		return out
	case []any:
		if len(v) == 0 {
			return v
		}
		return rapid.Permutation(append(slices.Clone(v), v...)).Draw(t, "order")
	}
	return v
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, claims, held := rapid.SliceOf(anyRule).Draw(t, "rules"), anyClaims.Draw(t, "claims"), anyHeld.Draw(t, "held")
		one := Evaluate(rules, claims)
		other := rules
		if len(rules) > 0 {
			other = rapid.Permutation(rules).Draw(t, "rules in another order")
		}
		two := Evaluate(other, shuffled(t, claims).(map[string]any))
		if diff := cmp.Diff(one.Memberships, two.Memberships); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(one.Settle(held), two.Settle(held), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Create" }, cmp.Ignore())); diff != "" {
			t.Fatal(diff)
		}
		if len(one.Lines) < len(rules) {
			t.Fatalf("%d lines for %d rules", len(one.Lines), len(rules))
		}
	})
}

func TestSettlingTakesAndGivesOnlyWithReason(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, claims, held := rapid.SliceOf(anyRule).Draw(t, "rules"), anyClaims.Draw(t, "claims"), anyHeld.Draw(t, "held")
		outcome := Evaluate(rules, claims)
		was, given := map[string]Role{}, map[string]Role{}
		for _, h := range held {
			was[h.TenantID] = h.Role
		}
		for _, g := range outcome.Memberships {
			given[g.TenantID] = g.Role
		}
		settled := outcome.Settle(held)
		is := map[string]Role{}
		for _, g := range settled {
			is[g.TenantID] = g.Role
			if rank[g.Role] == 0 {
				t.Fatalf("no role in %s", g.TenantID)
			}
			if g.Role != given[g.TenantID] && rank[g.Role] > rank[was[g.TenantID]] {
				t.Fatalf("%s rose from %q to %q, and the claims give %q", g.TenantID, was[g.TenantID], g.Role, given[g.TenantID])
			}
		}
		for tenant, role := range given {
			if rank[is[tenant]] < rank[role] {
				t.Fatalf("%s is given %q and settled to %q", tenant, role, is[tenant])
			}
		}
		if len(outcome.open) == 0 {
			if diff := cmp.Diff(given, is); diff != "" {
				t.Fatalf("no claim is missing, and what is settled is not what is given:\n%s", diff)
			}
		}
		again := outcome.Settle(asHeld(settled))
		if changes := Compare(asHeld(settled), again); len(changes) != 0 {
			t.Fatalf("settling twice changes %v", changes)
		}
	})
}

func TestNoClaimsAtAllTakeNothingThatARuleCanGive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := rapid.SliceOf(anyRule).Draw(t, "rules")
		before := Evaluate(rules, anyClaims.Draw(t, "claims")).Settle(nil)
		if changes := Compare(asHeld(before), Evaluate(rules, map[string]any{}).Settle(asHeld(before))); len(changes) != 0 {
			t.Fatalf("missing claims changed %v", changes)
		}
		empty := map[string]any{"email": "", "n": map[string]any{}}
		for _, a := range "abc" {
			empty[string(a)] = []any{}
			for _, b := range "abc" {
				empty[string(a)+string(b)] = []any{}
			}
		}
		flat := slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return strings.HasPrefix(r.Claim, "n.") })
		if left := Evaluate(flat, empty).Settle(asHeld(before)); len(left) != 0 {
			t.Fatalf("empty claims left %v", left)
		}
	})
}

func asHeld(grants []Grant) []Membership {
	var held []Membership
	for _, g := range grants {
		held = append(held, Membership{TenantID: g.TenantID, Role: g.Role})
	}
	return held
}

func TestAPathIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := ClaimPath(rapid.SliceOfN(rapid.StringN(1, 8, 30), 1, 8).Draw(t, "keys"))
		back, err := ParseClaimPath(path.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(path, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzClaimPath(f *testing.F) {
	for _, seed := range []string{"groups", "a.b", `a\.b.c`, `\\`, `a\`, "..", "\xff.\xfe"} {
		f.Add(seed, `{"a":{"b":["x",1,true,null,{"c":[]}]},"groups":[]}`)
	}
	f.Fuzz(func(t *testing.T, text, claims string) {
		path, err := ParseClaimPath(text)
		if err != nil {
			return
		}
		if back, err := ParseClaimPath(path.String()); err != nil || !slices.Equal(back, path) {
			t.Fatalf("%q is read as %q, written as %q and read as %q (%v)", text, path, path.String(), back, err)
		}
		var decoded map[string]any
		if json.Unmarshal([]byte(claims), &decoded) != nil {
			return
		}
		values, present := path.Values(decoded)
		if !slices.IsSorted(values) || len(slices.Compact(slices.Clone(values))) != len(values) || len(values) > 0 && !present {
			t.Fatalf("values %q, present %t", values, present)
		}
	})
}

func FuzzRule(f *testing.F) {
	f.Add("/course-(\\d+)/", "course$1", "course-7")
	f.Add("x", "t", "x")
	f.Add("/(?P<n>.*)/", "a${n}$$", "é")
	f.Fuzz(func(t *testing.T, match, tenant, value string) {
		r := Rule{ID: "1", Claim: "c", Match: match, Tenant: tenant, Role: Member}
		outcome := Evaluate([]Rule{r}, map[string]any{"c": []any{value}})
		if len(outcome.Lines) == 0 {
			t.Fatal("nothing is said")
		}
		for _, g := range outcome.Memberships {
			if !tenantID.MatchString(g.TenantID) || r.Check() != nil {
				t.Fatalf("%q by %q gives %q", value, match, g.TenantID)
			}
			// What the rule gave, it can have given: a missing claim takes it from nobody.
			kept := Evaluate([]Rule{r}, nil).Settle([]Membership{{TenantID: g.TenantID, Role: Member}})
			if len(kept) != 1 {
				t.Fatalf("%q by %q and %q gave %q, which a missing claim takes away", value, match, tenant, g.TenantID)
			}
		}
	})
}
