package hostlink

import (
	"crypto/ed25519"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
)

func someIdentity(t *testing.T) Identity {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return Identity{HostID: "h1", Name: "alpha", Controller: "https://c.example", PrivateKey: key}
}

func TestAnIdentityIsSavedWholeAndOnlyForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent", "identity.json")
	for range 2 { // the second replaces the first
		id := someIdentity(t)
		if err := SaveIdentity(path, id); err != nil {
			t.Fatal(err)
		}
		got, err := LoadIdentity(path)
		if err != nil || !cmp.Equal(got, id) {
			t.Errorf("loaded %v, %v", cmp.Diff(id, got), err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("beside the identity lie %v", entries)
	}
}

func TestAnIdentityThatCannotBeUsedSaysWhy(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := map[string]struct {
		path string
		code fault.Code
		says string
	}{
		"missing":         {filepath.Join(dir, "none"), fault.NotFound, "join token"},
		"open to others":  {write("open", "{}", 0o644), fault.Forbidden, "chmod 600"},
		"damaged":         {write("damaged", "{", 0o600), fault.Invalid, "damaged"},
		"without its key": {write("empty", "{}", 0o600), fault.Invalid, "no host id or no key"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := LoadIdentity(test.path); fault.CodeOf(err) != test.code || !strings.Contains(fault.Sentence(err), test.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := SaveIdentity(filepath.Join(dir, "open", "x"), someIdentity(t)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("saving below a file: %v", err)
	}
	if err := SaveIdentity(filepath.Join(dir, "x"), Identity{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("saving nothing: %v", err)
	}
	if _, err := NewAgent(AgentConfig{Controller: "http://c.example"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an agent without identity: %v", err)
	}
	if _, err := NewAgent(AgentConfig{Controller: "nonsense", Identity: someIdentity(t)}); !fault.Is(err, fault.Invalid) {
		t.Errorf("an agent without address: %v", err)
	}
}

func TestAGoodbyeCountsThoughAWriteFailedBeforeItWasRead(t *testing.T) {
	goodbye := websocket.CloseError{Code: closeRemoved, Reason: "Ann removed this host on Friday."}
	for name, failures := range map[string][]error{
		"the write was quicker": {net.ErrClosed, goodbye}, "the goodbye was": {goodbye, net.ErrClosed},
	} {
		c := &wsConn{}
		for _, err := range failures {
			if got := c.fail(err); got != io.EOF {
				t.Errorf("%s: yamux is told %v", name, got)
			}
		}
		if removedSentence(c.why()) != goodbye.Reason {
			t.Errorf("%s: the connection ended with %v", name, c.why())
		}
	}
}

func TestACloseReasonFitsItsFrame(t *testing.T) {
	for _, sentence := range []string{"short", strings.Repeat("ä", 200), strings.Repeat("x", 123), strings.Repeat("x", 124)} {
		got := closeReason(sentence)
		if len(got) > 123 || !strings.HasPrefix(sentence, strings.TrimSuffix(got, "…")) || (len(sentence) <= 123) != (got == sentence) {
			t.Errorf("%d bytes became %q", len(sentence), got)
		}
	}
}
