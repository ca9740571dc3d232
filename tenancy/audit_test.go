package tenancy_test

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.FixedZone("CET", 3600))

func sealed(t *testing.T, e tenancy.AuditEvent) tenancy.SealedEvent {
	t.Helper()
	s, err := e.Sealed(noon)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSecretsAreTakenOutOfWhatChanged(t *testing.T) {
	type provider struct {
		Issuer       string            `json:"issuer"`
		ClientID     string            `json:"clientId"`
		ClientSecret string            `json:"clientSecret"`
		Env          map[string]string `json:"env"`
	}
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"nothing", nil, ""},
		{"a nil map", map[string]any(nil), ""},
		{"a struct by its field names", provider{"https://id.example.edu", "lab", "s3cret", map[string]string{"DB_PASSWORD": "x", "USER": "ada"}},
			`{"clientId":"lab","clientSecret":"(secret)","env":{"DB_PASSWORD":"(secret)","USER":"ada"},"issuer":"https://id.example.edu"}`},
		{"whatever a secret field holds", map[string]any{"refresh_token": map[string]int{"a": 1}, "cookies": []string{"a"}, "api-key": 7}, `{"api-key":"(secret)","cookies":"(secret)","refresh_token":"(secret)"}`},
		{"in lists and below", []any{map[string]any{"user": map[string]any{"passwordHash": "$argon2id$"}}}, `[{"user":{"passwordHash":"(secret)"}}]`},
		{"no secret where there is none yet", map[string]any{"password": "", "token": nil}, `{"password":"","token":null}`},
		{"what names a secret is none", map[string]any{"tokenId": "t1", "token_name": "ci", "tokenPrefix": "tlx", "sha256": "ab"}, `{"sha256":"ab","tokenId":"t1","tokenPrefix":"tlx","token_name":"ci"}`},
		{"our own secrets under any name", map[string]any{"note": "use tlk_abcdef please", "command": "trunkline host --x tlj_1"}, `{"command":"(secret)","note":"(secret)"}`},
		{"unusual spellings", map[string]any{"PW": "1", "Pass": "2", "psk": "3", "X-Api-Key": "4", "Authorization": "5", "private key": "6", "passenger": "7"},
			`{"Authorization":"(secret)","PW":"(secret)","Pass":"(secret)","X-Api-Key":"(secret)","passenger":"7","private key":"(secret)","psk":"(secret)"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sealed(t, tenancy.AuditEvent{Verb: tenancy.AuditLabChange, Before: c.value, After: c.value})
			if s.Before != c.want || s.After != c.want {
				t.Errorf("it keeps\n%s and\n%s, want\n%s", s.Before, s.After, c.want)
			}
			if s.AuditEvent.Before != nil || s.AuditEvent.After != nil {
				t.Error("it holds on to the value itself")
			}
		})
	}
}

func TestDetailsAreCanonical(t *testing.T) {
	a := sealed(t, tenancy.AuditEvent{Verb: tenancy.AuditLabChange, After: json.RawMessage(` { "b" : [1.50, 1e3, true], "a":"<\u00e4\u2028\u0000\/>" } `)})
	if want := `{"a":"<ä` + "\u2028" + `\u0000/>","b":[1.50,1e3,true]}`; a.After != want {
		t.Errorf("it is %s, want %s", a.After, want)
	}
	large := sealed(t, tenancy.AuditEvent{Verb: tenancy.AuditLabChange, After: strings.Repeat("x", 1<<20)})
	if len(large.After) > 200 || !strings.Contains(large.After, `"bytes":1048578`) {
		t.Errorf("a large one is kept as %.300s", large.After)
	}
	_, err := tenancy.AuditEvent{Verb: tenancy.AuditLabChange, After: func() {}}.Sealed(noon)
	if !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
	_, err = tenancy.AuditEvent{Verb: "eat"}.Sealed(noon)
	if !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

func TestTextsAreSuchAsEveryDatabaseKeeps(t *testing.T) {
	s := sealed(t, tenancy.AuditEvent{Verb: tenancy.AuditSignIn, Actor: tenancy.AuditPerson{Name: "a\x00b\xff"}, RequestID: strings.Repeat("ä", 500)})
	if s.Actor.Name != "a\uFFFDb\uFFFD" || len(s.RequestID) > 256 || !strings.HasSuffix(s.RequestID, "ä…") {
		t.Errorf("%q, %q", s.Actor.Name, s.RequestID)
	}
	if want := noon.UTC().Truncate(time.Microsecond); !s.At.Equal(want) || s.At.Location() != time.UTC {
		t.Errorf("at %v", s.At)
	}
}

func chain(t *testing.T, n int) []tenancy.AuditLink {
	t.Helper()
	mark := tenancy.AuditMark{Hash: tenancy.AuditOrigin}
	var links []tenancy.AuditLink
	for i := range n {
		link, err := mark.Next(sealed(t, tenancy.AuditEvent{Verb: tenancy.AuditSignIn, Actor: tenancy.AuditPerson{ID: "u" + strconv.Itoa(i), Name: "Ada"}, Tenant: "t",
			Behind: tenancy.AuditPerson{ID: "x"}, TokenID: "k", Object: tenancy.AuditObject{Kind: "user", ID: "u", Name: "n"}, Address: "192.0.2.1", RequestID: "r",
			Before: map[string]int{"a": 1}, After: map[string]int{"a": 2}}))
		if err != nil {
			t.Fatal(err)
		}
		links, mark = append(links, link), link.AuditMark
	}
	return links
}

func TestAnEventIsHashedAsTheDocumentationSays(t *testing.T) {
	// echo -n "$PREVIOUS$CANONICAL" | sha256sum
	link := chain(t, 1)[0]
	line, err := link.Line(tenancy.AuditOrigin)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"actor":{"id":"u0","name":"Ada"},"address":"192.0.2.1","after":{"a":2},"at":"2026-11-21T11:00:00.123456Z","before":{"a":1},"behind":{"id":"x"},"number":1,` +
		`"object":{"id":"u","kind":"user","name":"n"},"request":"r","tenant":"t","token":"k","verb":"sign-in","previous":"` + tenancy.AuditOrigin + `","hash":"` + link.Hash + `"}`
	if line != want {
		t.Errorf("the line is\n%s\nwant\n%s", line, want)
	}
	if want := "e983ff4d4ddb1067d42f3b7cc157e6ff362a9d65bb50794a8457193fd057d705"; link.Hash != want {
		t.Errorf("the hash is %s", link.Hash)
	}
	again, previous, err := tenancy.ReadAuditLine([]byte(line))
	if err != nil || previous != tenancy.AuditOrigin {
		t.Fatal(previous, err)
	}
	if _, broken := (tenancy.AuditMark{Hash: previous}).Follow(again); broken != nil {
		t.Error(broken.Why)
	}
}

func TestWhateverIsChangedInAnEventBreaksTheChain(t *testing.T) {
	changes := map[string]func(*tenancy.AuditLink){
		"time": func(l *tenancy.AuditLink) { l.At = l.At.Add(time.Microsecond) }, "actor": func(l *tenancy.AuditLink) { l.Actor.ID = "v1" },
		"actor's name": func(l *tenancy.AuditLink) { l.Actor.Name = "Adb" }, "person behind": func(l *tenancy.AuditLink) { l.Behind.ID = "" },
		"name behind": func(l *tenancy.AuditLink) { l.Behind.Name = "y" }, "token": func(l *tenancy.AuditLink) { l.TokenID = "" },
		"tenant": func(l *tenancy.AuditLink) { l.Tenant = "u" }, "verb": func(l *tenancy.AuditLink) { l.Verb = tenancy.AuditSignOut },
		"kind": func(l *tenancy.AuditLink) { l.Object.Kind = "lab" }, "object": func(l *tenancy.AuditLink) { l.Object.ID = "" },
		"object's name": func(l *tenancy.AuditLink) { l.Object.Name = "" }, "before": func(l *tenancy.AuditLink) { l.Before = `{"a":0}` },
		"after": func(l *tenancy.AuditLink) { l.After = "" }, "a space in the details": func(l *tenancy.AuditLink) { l.After = `{"a": 2}` },
		"details that are no JSON": func(l *tenancy.AuditLink) { l.After = `{"a":2` }, "address": func(l *tenancy.AuditLink) { l.Address = "192.0.2.2" },
		"request": func(l *tenancy.AuditLink) { l.RequestID = "R" }, "hash": func(l *tenancy.AuditLink) { l.Hash = strings.ToUpper(l.Hash) },
		"number": func(l *tenancy.AuditLink) { l.Number++ },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			links := chain(t, 3)
			change(&links[1])
			mark, breaks := tenancy.AuditMark{Hash: tenancy.AuditOrigin}, []int64{}
			for _, link := range links {
				next, broken := mark.Follow(link)
				if broken != nil {
					breaks = append(breaks, broken.Number)
				}
				mark = next
			}
			if len(breaks) == 0 || breaks[0] != 2 {
				t.Errorf("breaks are found at %v", breaks)
			}
		})
	}
}

func TestAnExportIsVerifiedByItself(t *testing.T) {
	links := chain(t, 5)
	export := func(numbers ...int) string {
		var out strings.Builder
		for _, n := range numbers {
			previous := tenancy.AuditOrigin
			if n > 1 {
				previous = links[n-2].Hash
			}
			line, err := links[n-1].Line(previous)
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString(line + "\n")
		}
		return out.String()
	}
	whole := export(1, 2, 3, 4, 5)
	forged := tenancy.AuditMark{Number: 4, Hash: tenancy.AuditOrigin}
	for name, c := range map[string]struct {
		text   string
		known  []tenancy.AuditMark
		events int64
		gaps   int
		broken int64
	}{
		"whole":                     {whole, []tenancy.AuditMark{links[3].AuditMark}, 5, 0, 0},
		"nothing":                   {"", nil, 0, 0, 0},
		"one workspace's":           {export(2, 4, 5), nil, 3, 1, 0},
		"one byte changed":          {strings.Replace(whole, `"u3"`, `"u9"`, 1), nil, 3, 0, 4},
		"a hash before changed":     {strings.Replace(whole, `"previous":"`+links[2].Hash, `"previous":"`+links[0].Hash, 1), nil, 3, 0, 4},
		"in another order":          {export(1, 3, 2), nil, 2, 1, 2},
		"twice":                     {export(1, 2, 2), nil, 2, 0, 2},
		"not the one of those days": {whole, []tenancy.AuditMark{forged}, 3, 0, 4},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := tenancy.VerifyAuditLines(strings.NewReader(c.text), c.known...)
			if err != nil || p.Events != c.events || p.Gaps != c.gaps || (p.Broken == nil) != (c.broken == 0) || p.Broken != nil && p.Broken.Number != c.broken {
				t.Errorf("%+v, %+v, %v", p, p.Broken, err)
			}
		})
	}
	for _, wrong := range []string{"hello\n", "{}\n", whole + "{\"number\":6}\n", strings.Repeat("x", 2<<20)} {
		if _, err := tenancy.VerifyAuditLines(strings.NewReader(wrong)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%.40q is taken: %v", wrong, err)
		}
	}
}

func TestMarksAreReadAsTheyAreWritten(t *testing.T) {
	mark := chain(t, 1)[0].AuditMark
	if again, err := tenancy.ParseAuditMark(mark.String()); err != nil || again != mark {
		t.Errorf("%+v, %v", again, err)
	}
	for _, wrong := range []string{"", "1", "1:", ":" + mark.Hash, "-1:" + mark.Hash, "1:" + mark.Hash[1:], "x:" + mark.Hash} {
		if _, err := tenancy.ParseAuditMark(wrong); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is taken: %v", wrong, err)
		}
	}
}

// TestEveryAuditVerbIsListed reads the source, so that no verb is forgotten in AuditVerbs.
func TestEveryAuditVerbIsListed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "audit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := []tenancy.AuditVerb{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, is := n.(*ast.ValueSpec); is {
			if kind, named := spec.Type.(*ast.Ident); named && kind.Name == "AuditVerb" {
				text, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				declared = append(declared, tenancy.AuditVerb(text))
			}
		}
		return true
	})
	listed := slices.Sorted(slices.Values(tenancy.AuditVerbs))
	if slices.Sort(declared); !slices.Equal(declared, listed) || len(slices.Compact(listed)) != len(tenancy.AuditVerbs) {
		t.Errorf("declared %q\nlisted   %q", declared, listed)
	}
	for verb, kept := range map[tenancy.AuditVerb]bool{tenancy.AuditSignIn: true, tenancy.AuditMemberRole: true, tenancy.AuditTokenCreate: true, tenancy.AuditHostJoin: true,
		tenancy.AuditShellOpen: true, tenancy.AuditLabDeploy: false, tenancy.AuditUpload: false, "eat": false} {
		if verb.MustBeKept() != kept {
			t.Errorf("%s must be kept: %v", verb, !kept)
		}
	}
}

func TestAnEventOfAnActorSaysWhoAndWhere(t *testing.T) {
	actor := tenancy.Actor{UserID: "u1", UserName: "Ada", TenantID: "t1", TokenID: "k1", Address: "192.0.2.1", RequestID: "r1"}
	e := actor.AuditEvent(tenancy.AuditLabDeploy, tenancy.AuditObject{Kind: "lab", ID: "l1", Name: "campus"})
	if e.Actor != (tenancy.AuditPerson{ID: "u1", Name: "Ada"}) || e.Tenant != "t1" || e.TokenID != "k1" || e.Address != "192.0.2.1" || e.RequestID != "r1" || e.Object.Name != "campus" {
		t.Errorf("%+v", e)
	}
	var _ tenancy.Auditor = recorder(nil)
}

type recorder func(context.Context, tenancy.AuditEvent) error

func (r recorder) Record(ctx context.Context, e tenancy.AuditEvent) error { return r(ctx, e) }
