package host

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/lab"
)

func TestNamesOfANode(t *testing.T) {
	for name, c := range map[string]struct {
		r    *lab.Resolver
		want string
	}{
		"a node without resolvers asks itself": {nil, "nameserver 127.0.0.1\n"},
		"a search alone changes nothing else":  {&lab.Resolver{Search: []string{"a.test", "b.test"}}, "nameserver 127.0.0.1\nsearch a.test b.test\n"},
		"all that a file may say": {&lab.Resolver{Servers: []netip.Addr{netip.MustParseAddr("10.0.0.53"), netip.MustParseAddr("fd00::53")}, Options: []string{"ndots:2"}},
			"nameserver 10.0.0.53\nnameserver fd00::53\noptions ndots:2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := resolverText(c.r); got != c.want {
				t.Errorf("resolv.conf is %q, want %q", got, c.want)
			}
		})
	}
	if got := hostsText(map[string]string{"b": "10.0.0.2", "a": "10.0.0.1"}); !strings.HasPrefix(got, "127.0.0.1\tlocalhost\n") || !strings.HasSuffix(got, "10.0.0.1\ta\n10.0.0.2\tb\n") {
		t.Errorf("hosts is %q", got)
	}
}

func TestNamesAreWrittenInPlace(t *testing.T) {
	dir := t.TempDir()
	if err := writeNames(dir, "n1", map[string]string{"long": "10.0.0.1"}, nil); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir, HostsFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := writeNames(dir, "n1", nil, nil); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(dir, HostsFile))
	if err != nil || !os.SameFile(before, after) || after.Size() != int64(len(standardHosts)) {
		t.Errorf("a container that has it mounted would keep the old one: same file %v, %d bytes, %v", os.SameFile(before, after), after.Size(), err)
	}
}
