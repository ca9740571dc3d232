package seal_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"trunkline/internal/fault"
	"trunkline/internal/seal"
)

func TestWhatIsSealedOpensForTheSamePurposeAndThing(t *testing.T) {
	ring := seal.Random()
	rapid.Check(t, func(t *rapid.T) {
		purpose, about := rapid.String().Draw(t, "purpose"), rapid.String().Draw(t, "about")
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		sealed, err := ring.Seal(purpose, about, plain)
		if err != nil {
			t.Fatal(err)
		}
		if len(plain) > 8 && strings.Contains(sealed, base64.RawURLEncoding.EncodeToString(plain)) {
			t.Fatal("it can be read")
		}
		opened, err := ring.Open(purpose, about, sealed)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("opened %q, %v", opened, err)
		}
		for _, other := range [][2]string{{purpose + "x", about}, {purpose, about + "x"}} {
			if _, err := ring.Open(other[0], other[1], sealed); !fault.Is(err, fault.Invalid) {
				t.Fatalf("opened for another purpose: %v", err)
			}
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "changed at")
		changed := sealed[:at] + string(rune('A'+(sealed[at]+1)%26)) + sealed[at+1:]
		if changed != sealed {
			if again, err := ring.Open(purpose, about, changed); err == nil && !bytes.Equal(again, plain) {
				t.Fatalf("a changed value opened as %q", again)
			}
		}
	})
}

func TestAnyTextIsOpenedOrRefusedInWords(t *testing.T) {
	ring := seal.Random()
	for _, text := range []string{"", ".", "abc", "0000.AAAA", strings.Repeat("\xff", 9), "é.AA"} {
		if _, err := ring.Open("p", "a", text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAKeyFileIsMadeOnceAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "secret.key")
	rings := make([]*seal.Ring, 8)
	var all sync.WaitGroup
	for i := range rings {
		all.Go(func() {
			ring, err := seal.File(path)
			if err != nil {
				t.Error(err)
				return
			}
			rings[i] = ring
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	sealed, err := rings[0].Seal("p", "a", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, ring := range rings {
		if plain, err := ring.Open("p", "a", sealed); err != nil || string(plain) != "x" {
			t.Errorf("%q, %v", plain, err)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

func TestANewKeyOnTopSealsAndTheOldOneStillOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	line := func(b byte) string {
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, seal.KeyBytes)) + "\n"
	}
	write(t, path, line(1), 0o600)
	before := open(t, path)
	old, err := before.Seal("p", "a", []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "# two keys\n\n"+line(2)+line(1), 0o600)
	after := open(t, path)
	if plain, err := after.Open("p", "a", old); err != nil || string(plain) != "old" {
		t.Errorf("%q, %v", plain, err)
	}
	young, err := after.Seal("p", "a", []byte("young"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Open("p", "a", young); !fault.Is(err, fault.Invalid) {
		t.Errorf("the old key opened what the new one sealed: %v", err)
	}
}

func TestABadKeyFileIsRefusedByLine(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(make([]byte, seal.KeyBytes)) + "\n"
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"others may read it":       {good, 0o644, "chmod 600"},
		"it is empty":              {"# nothing\n", 0o600, "holds no key"},
		"a line is no base64":      {good + "%%%\n", 0o600, "Line 2"},
		"a key has another length": {"AAAA\n", 0o600, "Line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret.key")
			write(t, path, c.text, c.mode)
			if _, err := seal.File(path); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Sentence(err), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := seal.New(); err == nil {
		t.Error("a ring without a key was made")
	}
	if _, err := seal.New([]byte("short")); err == nil {
		t.Error("a short key was taken")
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string) *seal.Ring {
	t.Helper()
	ring, err := seal.File(path)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func Example() {
	ring := seal.Random()
	sealed, _ := ring.Seal("refresh token", "https://id.example.org ana", []byte("secret"))
	plain, _ := ring.Open("refresh token", "https://id.example.org ana", sealed)
	fmt.Println(string(plain))
	// Output: secret
}
