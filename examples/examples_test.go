package examples_test

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"slices"
	"testing"

	"trunkline/examples"
	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/format"
)

// read imports an example as anybody's folder would be.
func read(t *testing.T, name string) *format.Result {
	t.Helper()
	source, err := examples.Files(name)
	if err != nil {
		t.Fatal(err)
	}
	folder := map[string][]byte{}
	for {
		file, mode, content, err := source.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || mode != 0o644 {
			t.Fatalf("%s: mode %o: %v", file, mode, err)
		}
		if folder[file], err = io.ReadAll(content); err != nil {
			t.Fatal(err)
		}
	}
	var paths []string
	for file := range folder {
		paths = append(paths, file)
	}
	file, err := format.FindLabFile(paths)
	if err != nil {
		t.Fatal(err)
	}
	result, err := format.Parse(format.Input{
		File: file, Data: folder[file],
		HasFile: func(p string) bool { return folder[p] != nil }, ListFiles: func() []string { return paths },
	})
	if err != nil {
		t.Fatalf("refused: %v\n%v", err, err.(*fault.Error).Details)
	}
	return result
}

func TestEveryExampleIsTakenAsItIs(t *testing.T) {
	for _, e := range examples.List() {
		t.Run(e.Name, func(t *testing.T) {
			result := read(t, e.Name)
			if len(result.Changed) > 0 || len(result.Dropped) > 0 {
				t.Errorf("changed %v, dropped %v", result.Changed, result.Dropped)
			}
			if result.Lab.Name != e.Name || len(result.Lab.Nodes) != e.Nodes || len(result.Lab.Links) != e.Links {
				t.Errorf("the list says %+v, the lab is %s with %d nodes and %d links", e, result.Lab.Name, len(result.Lab.Nodes), len(result.Lab.Links))
			}
			if e.Title == "" || len(e.Summary) < 40 || len(e.Summary) > 200 {
				t.Errorf("title %q, summary %q", e.Title, e.Summary)
			}
		})
	}
}

func TestEveryFolderIsInTheList(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var folders, listed []string
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, entry.Name())
		}
	}
	for _, e := range examples.List() {
		listed = append(listed, e.Name)
	}
	slices.Sort(listed)
	if !slices.Equal(folders, listed) {
		t.Errorf("folders %v, list %v", folders, listed)
	}
}

func TestAnUnknownExampleIsNotFound(t *testing.T) {
	for _, name := range []string{"", "none", "../examples", "ring-100/README.md"} {
		if _, err := examples.Files(name); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

// TestTheNLANNetworkIsTheOriginal checks the facts of the original: numbers of nodes and sessions, and that the two ends
// of each session name each other.
func TestTheNLANNetworkIsTheOriginal(t *testing.T) {
	bgp, ospf := read(t, "nlan-bgp").Lab, read(t, "nlan-ospf").Lab
	for _, l := range []*lab.Lab{bgp, ospf} {
		if routers, hosts, segments := count(l, lab.Router), count(l, lab.Linux), count(l, lab.LAN); routers != 9 || hosts != 16 || segments != 2+8 {
			t.Errorf("%s: %d routers, %d hosts, %d segments", l.Name, routers, hosts, segments)
		}
	}
	owner := map[netip.Addr]*lab.Node{}
	for _, k := range bgp.Links {
		for _, e := range []lab.Endpoint{k.A, k.B} {
			for _, p := range e.Addresses {
				owner[p.Addr()] = bgp.Node(e.Node)
			}
		}
	}
	ends := 0
	for _, n := range bgp.Nodes {
		if n.Kind != lab.Router {
			continue
		}
		for _, peer := range n.Routing.BGP.Neighbors {
			ends++
			other := owner[peer.Address]
			if other == nil || other.Routing.BGP.AS != peer.AS {
				t.Errorf("%s expects AS %d at %s, there is %v", n.Name, peer.AS, peer.Address, other)
			}
		}
		if (len(n.Routing.BGP.Redistribute) == 0) != (n.Name == "rr") {
			t.Errorf("%s redistributes %v", n.Name, n.Routing.BGP.Redistribute)
		}
	}
	if ends != 2*12 {
		t.Errorf("%d ends of sessions, want 24", ends)
	}
	for _, n := range ospf.Nodes {
		if n.Kind == lab.Router && (n.Routing.OSPF == nil || n.Routing.BGP != nil) {
			t.Errorf("%s does not speak OSPF alone", n.Name)
		}
	}
}

func count(l *lab.Lab, kind lab.Kind) int {
	n := 0
	for _, node := range l.Nodes {
		if node.Kind == kind {
			n++
		}
	}
	return n
}

// TestNoTwoInterfacesShareAnAddress holds for every example: addresses are given once.
func TestNoTwoInterfacesShareAnAddress(t *testing.T) {
	for _, e := range examples.List() {
		seen := map[netip.Addr]string{}
		check := func(where string, list []netip.Prefix) {
			for _, p := range list {
				if first, again := seen[p.Addr()]; again {
					t.Errorf("%s: %s and %s both have %s", e.Name, first, where, p.Addr())
				}
				seen[p.Addr()] = where
			}
		}
		l := read(t, e.Name).Lab
		for _, k := range l.Links {
			check(k.A.String(), k.A.Addresses)
			check(k.B.String(), k.B.Addresses)
		}
		for _, n := range l.Nodes {
			for _, i := range n.Interfaces {
				check(n.Name+":"+i.Name, i.Addresses)
			}
		}
	}
}
