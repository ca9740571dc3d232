package store_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline/store"
	"trunkline/tenancy"
)

// allocatorEnv makes the test's own program an allocator on the database that it names.
const allocatorEnv = "TRUNKLINE_TEST_ALLOCATOR"

// given is what the allocator says after each transaction.
type given struct {
	Lab  string
	VNIs map[string]uint32
}

// TestAllocatorThatIsKilled is no test but the program that TestAKilledAllocatorLeavesNothingGivenTwice kills.
func TestAllocatorThatIsKilled(t *testing.T) {
	address := os.Getenv(allocatorEnv)
	if address == "" {
		t.Skip("it is run by another test")
	}
	s := openWith(t, store.Config{URL: address})
	labs, err := s.Labs(t.Context(), inAlpha)
	must(t, err)
	out := json.NewEncoder(os.Stdout)
	for n := 1; ; n++ {
		for _, r := range labs {
			vnis, err := s.VNIs(t.Context(), inAlpha, r.ID, cables(13*n))
			must(t, err)
			must(t, out.Encode(given{r.ID, vnis}))
		}
	}
}

func TestAKilledAllocatorLeavesNothingGivenTwice(t *testing.T) {
	everyAddress(t, func(t *testing.T, address string) {
		s := openWith(t, store.Config{URL: address})
		seed(t, s)
		for i := range 3 {
			createLab(t, s, alpha, fmt.Sprint("lab", i))
		}
		for round := range 5 {
			said := killedAfter(t, address, 5+round)
			holder := map[uint32]string{}
			for lab, had := range said {
				names := make([]string, 0, len(had))
				for name := range had {
					names = append(names, name)
				}
				has, err := s.VNIs(t.Context(), inAlpha, lab, names)
				must(t, err)
				if diff := cmp.Diff(had, has); diff != "" {
					t.Fatalf("lab %s was told others (-told +has):\n%s", lab, diff)
				}
				for name, number := range has {
					if other, twice := holder[number]; twice {
						t.Fatalf("%d is of %s and of %s in lab %s", number, other, name, lab)
					}
					holder[number] = name
				}
			}
			blocks, err := s.VNIBlocks(t.Context(), tenancy.InTenant(alpha))
			must(t, err)
			used := 0
			for _, b := range blocks {
				used += b.Used
			}
			if used != len(holder) {
				t.Errorf("%d numbers are in use and %d have a name", used, len(holder))
			}
		}
	})
}

// killedAfter runs an allocator, kills it in the middle of what follows its nth answer, and returns what it said last of each lab.
func killedAfter(t *testing.T, address string, n int) map[string]map[string]uint32 {
	t.Helper()
	allocator := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestAllocatorThatIsKilled$")
	allocator.Env = append(os.Environ(), allocatorEnv+"="+address, "TRUNKLINE_NO_REAL=1")
	allocator.Stderr = os.Stderr
	out, err := allocator.StdoutPipe()
	must(t, err)
	must(t, allocator.Start())
	said := map[string]map[string]uint32{}
	lines := bufio.NewReader(out)
	for count := 0; ; count++ {
		if count == n {
			must(t, allocator.Process.Kill())
		}
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break // it was killed: half a line says nothing
		}
		var g given
		if err := json.Unmarshal(line, &g); err != nil {
			t.Fatalf("the allocator said %q: %v", line, err)
		}
		said[g.Lab] = g.VNIs
	}
	if err := allocator.Wait(); err == nil || len(said) != 3 {
		t.Fatalf("the allocator ended with %v and spoke of %d labs", err, len(said))
	}
	return said
}
