package tenancy

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
)

// TestEveryVerbHasItsScope names the scope of each verb once more, so that a new verb is given one on purpose.
func TestEveryVerbHasItsScope(t *testing.T) {
	read := []Verb{SeeLab, SeeImages, SeeNetworks, SeeHosts, SeeMembers, SeeQuota}
	labs := []Verb{CreateLab, EditLab, RunLab, UseNode}
	all := []Verb{
		ShareLab, ManageHosts, ManageSite, OwnTokens, OwnSessions, ManageTenant, InviteMembers, ManageMembers, LeaveTenant, TransferTenant, DeleteTenant,
		CreateTenant, ManageTenants, ManageQuota, SeeAudit, SeeSiteAudit, ManageServices, ActAs,
	}
	mayDo := map[TokenScope][]Verb{ScopeRead: read, ScopeLabs: slices.Concat(read, labs), ScopeAll: slices.Concat(read, labs, all)}
	object := ObjectRef{Tenant: "physics", Owner: "ada", Name: "lab campus"}
	for _, verb := range Verbs {
		if !slices.Contains(mayDo[ScopeAll], verb) {
			t.Errorf("say here which scope %s needs", verb)
		}
		for scope, verbs := range mayDo {
			actor := Actor{UserID: "ada", TenantID: "physics", Role: Owner, SiteAdmin: true, TokenID: "t", TokenScope: scope}
			err := Allow(actor, verb, object)
			switch {
			case slices.Contains(verbs, verb) && err != nil:
				t.Errorf("a token of scope %s may not %s: %v", scope, verb, err)
			case slices.Contains(verbs, verb):
			case !fault.Is(err, fault.Forbidden) || !strings.Contains(fault.Sentence(err), `scope "`+string(ScopeOf(verb))+`"`):
				t.Errorf("a token of scope %s and %s: %v", scope, verb, err)
			}
		}
	}
}

func TestAScopeGivesNothingThatItsPersonHasNot(t *testing.T) {
	observer := Actor{UserID: "otto", TenantID: "physics", Role: Observer, TokenID: "t", TokenScope: ScopeAll}
	if err := Allow(observer, CreateLab, ObjectRef{Tenant: "physics"}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an observer's token makes labs: %v", err)
	}
	reading := observer
	reading.TokenScope = ScopeRead
	if err := Allow(reading, SeeLab, ObjectRef{Tenant: "maths", Name: "such lab"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("another workspace's lab: %v", err)
	}
	unknown := observer
	unknown.TokenScope = "more"
	if err := Allow(unknown, SeeLab, ObjectRef{Tenant: "physics"}); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a scope that is none: %v", err)
	}
}

func TestTokensCarryAChecksum(t *testing.T) {
	form := regexp.MustCompile(`^tlk_[0-9A-Za-z]{49}$`)
	seen := map[string]bool{}
	for range 1000 {
		secret := newTokenSecret()
		if !form.MatchString(secret) || !LooksLikeToken(secret) || seen[secret] {
			t.Fatalf("made %q", secret)
		}
		seen[secret] = true
		i := len(TokenPrefix) + len(seen)%49
		other := secret[:i] + string(base62[(strings.IndexByte(base62, secret[i])+1)%62]) + secret[i+1:]
		if LooksLikeToken(other) {
			t.Fatalf("%q passes for a token, %q is one", other, secret)
		}
	}
	// The example of docs/accounts.md, which others may verify their scanners by.
	const example = "tlk_00000000000000000000000000000000000000000002CZclj"
	if !LooksLikeToken(example) {
		t.Errorf("the example should be tlk_%s", strings.Repeat("0", 43)+checksum(strings.Repeat("0", 43)))
	}
	for _, bad := range []string{"", "tlk_", "tlk_" + strings.Repeat("a", 49), "tl_" + strings.Repeat("0", 49), strings.ToUpper(example)} {
		if LooksLikeToken(bad) {
			t.Errorf("%q passes for a token", bad)
		}
	}
	if !LooksLikeToken("tlk_" + strings.Repeat("-", 43)) {
		t.Error("a token of an earlier build is refused unseen")
	}
}

func TestHowLongATokenWorks(t *testing.T) {
	for text, want := range map[string]struct {
		life  time.Duration
		never bool
		wrong bool
	}{
		"": {}, "never": {never: true}, "90d": {life: 90 * 24 * time.Hour}, "12h": {life: 12 * time.Hour}, "90m": {life: 90 * time.Minute},
		"0d": {wrong: true}, "-1d": {wrong: true}, "1.5d": {wrong: true}, "d": {wrong: true}, "-2h": {wrong: true}, "soon": {wrong: true}, "99999d": {wrong: true},
	} {
		life, never, err := ParseTokenLife(text)
		if (err != nil) != want.wrong || life != want.life && !want.wrong || never != want.never {
			t.Errorf("%q: %v, %v, %v", text, life, never, err)
		}
		if err != nil && fault.Public(err).Field != "expires" {
			t.Errorf("%q: in the field %q", text, fault.Public(err).Field)
		}
	}
}

func TestAServiceAccountDoesNothingPersonal(t *testing.T) {
	ci := Actor{UserID: "ci", UserName: "ci", TenantID: "physics", Role: Owner, TokenID: "t", TokenScope: ScopeAll, Service: true}
	for _, verb := range []Verb{OwnTokens, OwnSessions} {
		if err := Allow(ci, verb, ObjectRef{}); !fault.Is(err, fault.Forbidden) || !strings.Contains(fault.Sentence(err), "service account") {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if err := Allow(ci, RunLab, ObjectRef{Tenant: "physics", Owner: "ada"}); err != nil {
		t.Errorf("run-lab: %v", err)
	}
	if _, err := NewSessions(SessionConfig{}).Begin(t.Context(), "secret", ci, SignedInBy{}, ""); !fault.Is(err, fault.Forbidden) {
		t.Errorf("signing in: %v", err)
	}
	if name := ci.AuditEvent(AuditLabDeploy, AuditObject{}).Actor.Name; name != "ci (service account)" {
		t.Errorf("the audit says %q", name)
	}
}
