package api_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/internal/app"
	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/web/api"
)

const twoNodes = "name: pair\ntopology:\n  nodes:\n    a: {kind: linux}\n    b: {kind: linux}\n  links:\n    - endpoints: [a:eth1, b:eth1]\n"

// site is a real controller on a temporary SQLite, without compute hosts.
func site(t *testing.T) (*client.Client, app.Ready) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c, err := app.Open(ctx, app.Settings{Listen: "127.0.0.1:0", Data: t.TempDir(), Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ready, err := c.Announce(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the controller ended with %v", err)
		}
	})
	user, err := client.New(ready.URL, ready.Token)
	if err != nil {
		t.Fatal(err)
	}
	return user, ready
}

func yaml(text string) client.Import {
	return client.Import{Body: strings.NewReader(text), ContentType: "application/yaml", File: "pair.clab.yml"}
}

func TestALabIsStoredShownExportedAndForgotten(t *testing.T) {
	c, _ := site(t)
	created, err := c.Create(t.Context(), yaml(twoNodes))
	if err != nil || created.Lab == nil || created.Lab.State != control.Stored || created.Lab.NodeCount != 2 || created.Lab.LinkCount != 1 {
		t.Fatalf("created %+v, %v", created.Lab, err)
	}
	labs, err := c.Labs(t.Context())
	if err != nil || len(labs) != 1 || labs[0].Name != "pair" {
		t.Fatalf("listed %v, %v", labs, err)
	}
	detail, err := c.Lab(t.Context(), "pair")
	if err != nil || detail.Source != twoNodes || len(detail.Nodes) != 2 {
		t.Fatalf("shown %+v, %v", detail, err)
	}
	var exported bytes.Buffer
	if err := c.Export(t.Context(), "pair", "", &exported); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(exported.Bytes()), int64(exported.Len()))
	if err != nil || len(archive.File) != 1 {
		t.Fatalf("exported %v, %v", archive, err)
	}
	again := client.Import{Body: &exported, ContentType: "application/zip", Name: "copy"}
	if copied, err := c.Create(t.Context(), again); err != nil || copied.Lab.NodeCount != 2 {
		t.Errorf("the export does not import: %+v, %v", copied, err)
	}
	if _, err := c.Intent(t.Context(), "pair", "destroy", map[string][]string{"forget": {"true"}}); err != nil {
		t.Fatal(err)
	}
	err = c.Watch(t.Context(), "pair", func(e control.Event) bool { return !e.Removed })
	if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Unavailable) {
		t.Errorf("watching it go: %v", err)
	}
	if _, err := c.Lab(t.Context(), "pair"); !fault.Is(err, fault.NotFound) {
		t.Errorf("after it was forgotten: %v", err)
	}
}

func TestABadFileIsRefusedWithItsLines(t *testing.T) {
	c, _ := site(t)
	_, err := c.Create(t.Context(), yaml("name: pair\ntopology:\n  nodes:\n    a: {kind: linux, colour: red}\n"))
	problem, ok := errors.AsType[*fault.Error](err)
	if !ok || problem.Code != fault.Invalid || len(problem.Details) == 0 || problem.Details[0].Line != 4 || !strings.Contains(problem.Details[0].Sentence, "colour") {
		t.Fatalf("got %+v", problem)
	}
	checked, err := c.Check(t.Context(), yaml("name: pair\ntopology:\n  nodes:\n    a: {kind: nokia_srlinux}\n"))
	if err != nil || len(checked.Report.Refused) == 0 || checked.Report.Refused[0].Line != 4 {
		t.Errorf("checked %+v, %v", checked, err)
	}
	if labs, err := c.Labs(t.Context()); err != nil || len(labs) != 0 {
		t.Errorf("something was stored: %v, %v", labs, err)
	}
}

func TestDeployingWithoutAHostSaysSo(t *testing.T) {
	c, _ := site(t)
	if _, err := c.Create(t.Context(), yaml(twoNodes)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Intent(t.Context(), "pair", "deploy", nil)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Sentence(err), "host") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNotThereAnswersAlikeForEveryOperation(t *testing.T) {
	c, _ := site(t)
	var sentences []string
	for _, ask := range []func() error{
		func() error { _, err := c.Lab(t.Context(), "none"); return err },
		func() error { _, err := c.Plan(t.Context(), "none"); return err },
		func() error { _, err := c.Intent(t.Context(), "none", "deploy", nil); return err },
		func() error { _, err := c.Intent(t.Context(), "none", "destroy", nil); return err },
		func() error { return c.NodeAction(t.Context(), "none", "a", "stop") },
		func() error { return c.Export(t.Context(), "none", "", io.Discard) },
		func() error { return c.Watch(t.Context(), "none", func(control.Event) bool { return false }) },
		func() error { _, _, err := c.GetFile(t.Context(), "none", "a", "/etc/hosts"); return err },
		func() error {
			_, err := c.PutFile(t.Context(), "none", "a", "/root/", "x", 1, strings.NewReader("x"))
			return err
		},
	} {
		err := ask()
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
		sentences = append(sentences, fault.Sentence(err))
	}
	for _, sentence := range sentences {
		if sentence != sentences[0] {
			t.Errorf("%q differs from %q", sentence, sentences[0])
		}
	}
}

func TestNobodyGetsInWithoutAToken(t *testing.T) {
	_, ready := site(t)
	for _, token := range []string{"", "tlk_wrong"} {
		request, err := http.NewRequestWithContext(t.Context(), "GET", ready.URL+api.Prefix+"/labs", nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var body struct{ Error fault.Error }
		if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized || body.Error.Code != fault.Unauthenticated || response.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("token %q: status %d, %+v", token, response.StatusCode, body.Error)
		}
	}
}

func TestATokenEndsWhenItIsRevoked(t *testing.T) {
	c, ready := site(t)
	made, err := c.CreateToken(t.Context(), api.TokenBody{Name: "laptop"})
	if err != nil || made.Secret == "" {
		t.Fatalf("made %+v, %v", made, err)
	}
	laptop, err := client.New(ready.URL, made.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if me, err := laptop.Me(t.Context()); err != nil || me.TokenID == "" {
		t.Fatalf("me is %+v, %v", me, err)
	}
	if err := c.RevokeToken(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := laptop.Me(t.Context()); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("after it was revoked: %v", err)
	}
}

func TestTheDescriptionNamesEveryOperation(t *testing.T) {
	_, ready := site(t)
	response, err := http.Get(ready.URL + api.Prefix + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var description struct {
		Paths map[string]map[string]struct{ OperationID, Summary string }
	}
	if err := json.NewDecoder(response.Body).Decode(&description); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for path, operations := range description.Paths {
		for method, o := range operations {
			if o.Summary == "" {
				t.Errorf("%s %s says nothing", method, path)
			}
			found[o.OperationID] = true
		}
	}
	for _, id := range strings.Fields("list-labs show-lab create-lab check-lab export-lab watch-lab plan-lab deploy-lab cancel-lab stop-lab destroy-lab act-on-node " +
		"put-file get-file exec who-am-i list-images show-image-policy set-image-policy list-hosts show-host change-host rotate-host-key revoke-host " +
		"remove-host read-host-log show-underlay create-join-token list-join-tokens delete-join-token list-networks list-offers save-offer delete-offer list-tokens create-token revoke-token") {
		if !found[id] {
			t.Errorf("%s is not described", id)
		}
	}
}

func TestASecondControllerKeepsOffTheSameData(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	settings := app.Settings{Listen: "127.0.0.1:0", Data: filepath.Join(t.TempDir(), "data"), Log: slog.New(slog.DiscardHandler)}
	first, err := app.Open(ctx, settings)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Open(ctx, settings); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second one: %v", err)
	}
	ended, end := context.WithCancel(ctx)
	end()
	if err := first.Run(ended); err != nil {
		t.Error(err)
	}
	second, err := app.Open(ctx, settings)
	if err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	if err := second.Run(ended); err != nil {
		t.Error(err)
	}
}
