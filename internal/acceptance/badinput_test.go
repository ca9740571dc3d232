package acceptance

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/internal/testkit"
)

// badFiles are lab files that nobody can deploy, and what each has to be told.
var badFiles = []struct {
	name, yaml string
	words      []string // on the command line, in the API's answer and on the page
	line       int
}{
	{"broken YAML", "name: x\ntopology:\n  nodes:\n    a: {kind: linux\n    b: {}\n", nil, 4},
	{"a tab for a space", "name: x\ntopology:\n\tnodes: {}\n", []string{"tab"}, 3},
	{"a link to a missing node", "name: x\ntopology:\n  nodes:\n    a: {kind: linux, image: x}\n  links:\n    - endpoints: [a:eth1, ghost:eth1]\n", []string{"ghost"}, 6},
	{"an interface used twice", "name: x\ntopology:\n  nodes:\n    a: {kind: linux, image: x}\n    b: {kind: linux, image: x}\n    c: {kind: linux, image: x}\n" +
		"  links:\n    - endpoints: [a:eth1, b:eth1]\n    - endpoints: [a:eth1, c:eth1]\n", []string{"a:eth1"}, 9},
	{"a node named twice", "name: x\ntopology:\n  nodes:\n    a: {kind: linux, image: x}\n    a: {kind: linux, image: x}\n", []string{`a`}, 5},
	{"a node's name too long", "name: x\ntopology:\n  nodes:\n    " + strings.Repeat("n", 70) + ": {kind: linux, image: x}\n", []string{"63"}, 4},
	{"an interface's name too long", "name: x\ntopology:\n  nodes:\n    a: {kind: linux, image: x}\n    b: {kind: linux, image: x}\n  links:\n    - endpoints: [a:ethernet-1-1-0-55, b:eth1]\n",
		[]string{"ethernet-1-1-0-55", "15"}, 7},
	{"a kind that is not ours", "name: x\ntopology:\n  nodes:\n    a: {kind: nokia_srlinux, image: x}\n", []string{"nokia_srlinux"}, 4},
	{"an unknown field", "name: x\ntopology:\n  nodes:\n    a: {kind: linux, image: x, imgae: y}\n", []string{"imgae"}, 4},
}

func TestBadInputIsToldInOneSentenceEverywhere(t *testing.T) {
	t.Parallel()
	r := newRig(t, tiny)
	p := newPage(r)
	for _, c := range badFiles {
		t.Run(c.name, func(t *testing.T) {
			r := &rig{Program: r.Program, t: t, host: r.host}
			refusedEverywhere(r, &page{t: t, r: r, http: p.http}, c.yaml, c.line, c.words)
		})
	}
	t.Run("a lab's name too long", func(t *testing.T) {
		err := r.imports(strings.Repeat("l", 64), pair("x"))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Sentence(err), "63") {
			t.Errorf("the API answers %v", err)
		}
	})
	t.Run("a lab's name taken", func(t *testing.T) {
		r := &rig{Program: r.Program, t: t, host: r.host}
		r.stores("twin", pair("twin"))
		if err := r.imports("twin", pair("twin")); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Sentence(err), "twin") {
			t.Errorf("the API answers %v", err)
		}
		code, text := p.send("POST", "/labs", url.Values{"yaml": {pair("twin")}, "name": {"twin"}})
		if code != http.StatusConflict {
			t.Errorf("the page answers %d", code)
		}
		p.says("POST /labs", text, "twin")
		r.forgets("twin")
	})
	t.Run("a bind of the host's own file", func(t *testing.T) { bindsNothingOfTheHost(t, &rig{Program: r.Program, t: t, host: r.host}) })
	t.Run("an image that is not here", func(t *testing.T) { namesTheMissingImage(t, &rig{Program: r.Program, t: t, host: r.host}, p) })
	t.Run("commands used wrongly", func(t *testing.T) {
		r := &rig{Program: r.Program, t: t, host: r.host}
		r.says(2, nil, "lab", "create")
		r.says(2, nil, "lab", "deploy")
		r.says(2, nil, "lab", "deploy", "x", "--no-such-flag")
		r.says(2, nil, "exec", "no-slash", "--", "true")
		r.says(1, []string{"nobody-made-this"}, "lab", "deploy", "nobody-made-this")
		r.says(1, []string{"/no/such/file"}, "lab", "create", "-f", "/no/such/file")
	})
	labs, err := r.Client.Labs(r.limited())
	if err != nil || len(labs) > 0 {
		t.Errorf("labs are left: %+v, %v", labs, err)
	}
	r.nothingIsLeft()
}

// bindsNothingOfTheHost deploys a lab that asks for a file of the host, and looks inside.
func bindsNothingOfTheHost(t *testing.T, r *rig) {
	imported, err := r.Client.Create(r.limited(), client.Import{ContentType: "application/yaml", Body: strings.NewReader(
		"name: shadow\ntopology:\n  nodes:\n    a:\n      kind: linux\n      image: " + tiny + "\n      binds:\n        - /etc/shadow:/stolen\n")})
	if err != nil {
		t.Fatal(err)
	}
	if d := imported.Report.Dropped; len(d) != 1 || d[0].Line != 8 || !strings.Contains(d[0].Sentence, "/etc/shadow") {
		t.Errorf("the report drops %+v", d)
	}
	r.asks("shadow", "deploy")
	r.becomes("shadow", "running")
	r.says(1, nil, "exec", "shadow/a", "--", "test", "-e", "/stolen")
	r.destroys("shadow")
	r.forgets("shadow")
}

// namesTheMissingImage deploys a lab whose image nobody has.
func namesTheMissingImage(t *testing.T, r *rig, p *page) {
	r.stores("noimage", strings.ReplaceAll(pair("noimage"), tiny, "nobody/has-this:1"))
	_, err := r.Client.Intent(r.limited(), "noimage", "deploy", nil)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Sentence(err), "nobody/has-this:1") {
		t.Errorf("the API answers %v", err)
	}
	r.says(1, []string{"nobody/has-this:1", "trunkline:"}, "lab", "deploy", "noimage", "--wait")
	view, err := r.Client.Lab(r.limited(), "noimage")
	if err != nil {
		t.Fatal(err)
	}
	_, text := p.send("POST", "/labs/"+view.ID+"/deploy", nil)
	p.says("POST deploy", text, "nobody/has-this:1")
	r.forgets("noimage")
}

// refusedEverywhere sends a file by command line, API and page, and expects the same sentence with its line from each.
func refusedEverywhere(r *rig, p *page, yaml string, line int, words []string) {
	r.t.Helper()
	err := r.imports("bad", yaml)
	problem, ok := err.(*fault.Error)
	if !ok || problem.Code != fault.Invalid {
		r.t.Fatalf("the API answers %v, wanted a refusal", err)
	}
	if len(problem.Details) == 0 || problem.Details[0].Line != line || problem.Details[0].Column == 0 {
		r.t.Fatalf("the API says %+v, wanted line %d", problem, line)
	}
	sentence := problem.Details[0].Sentence
	for _, word := range words {
		if !strings.Contains(sentence, word) {
			r.t.Errorf("the API's sentence %q does not say %q", sentence, word)
		}
	}
	if !strings.HasSuffix(sentence, ".") && !strings.HasSuffix(sentence, "?") {
		r.t.Errorf("%q is not a sentence", sentence)
	}
	file := filepath.Join(r.t.TempDir(), "bad.clab.yml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.says(1, []string{sentence}, "lab", "create", "-f", file)
	code, text := p.send("POST", "/labs", url.Values{"yaml": {yaml}})
	if code != http.StatusUnprocessableEntity {
		r.t.Errorf("the page answers %d", code)
	}
	p.says("POST /labs", text, sentence)
}

// An upload that breaks off leaves nothing in the node, and one after it works.
func TestAnUploadThatIsCutOffLeavesNothingInTheNode(t *testing.T) {
	t.Parallel()
	r := newRig(t, tiny)
	p := newPage(r)
	r.stores("pair", pair("pair"))
	r.asks("pair", "deploy")
	r.becomes("pair", "running")
	before := r.says(0, nil, "exec", "pair/a", "--", "ls", "-a", "/root", "/tmp", "/").Out

	const size = 8 << 20
	_, err := r.Client.PutFile(r.limited(), "pair", "a", "/root/", "half.img", size, &cutOff{left: size / 2})
	if err == nil {
		t.Error("half an upload was taken through the API")
	}
	view, err := r.Client.Lab(r.limited(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(r.limited(), http.MethodPut, r.URL+"/labs/"+view.ID+"/nodes/a/files?path=/root/&name=half.img", &cutOff{left: size / 2})
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = size
	request.Header.Set("Origin", r.URL)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	if response, err := p.http.Do(request); err == nil {
		response.Body.Close()
		t.Errorf("half an upload was taken by the page: %s", response.Status)
	}
	err = testkit.Until(t.Context(), within, "the node has what it had before the uploads broke off", func() error {
		if after := r.says(0, nil, "exec", "pair/a", "--", "ls", "-a", "/root", "/tmp", "/").Out; after != before {
			return fmt.Errorf("it had\n%s\nand has\n%s", before, after)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}

	file := filepath.Join(t.TempDir(), "whole.txt")
	if err := os.WriteFile(file, []byte("whole\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.says(0, nil, "cp", file, "pair/a:/root/")
	r.says(0, []string{"whole"}, "exec", "pair/a", "--", "cat", "/root/whole.txt")
	r.says(1, []string{"/no/such/file"}, "cp", "/no/such/file", "pair/a:/root/")
	r.says(1, []string{"ghost"}, "cp", file, "pair/ghost:/root/")
	r.destroys("pair")
	r.nothingIsLeft()
}

// cutOff is a file whose sender goes away in its middle.
type cutOff struct{ left int }

func (c *cutOff) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, errors.New("the sender went away")
	}
	n := min(len(p), c.left)
	c.left -= n
	return n, nil
}
