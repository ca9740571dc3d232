package control

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/format"
	"trunkline/lab/hostapi"
)

var update = flag.Bool("update", false, "write the golden files anew")

// compileFile compiles testdata/NAME.clab.yml with a few project files.
func compileFile(t *testing.T, name string, d Deployment) (compiled, error) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".clab.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []ProjectFile
	for _, path := range []string{"conf/daemons", "conf/frr.conf", "conf/sub/more", "r2.conf", "dhcp.conf"} {
		all = append(all, ProjectFile{Path: path, Size: int64(len(path)), SHA256: strings.Repeat("0", 63) + string('a'+byte(len(all))), Mode: 0o644})
	}
	paths := func() []string {
		var names []string
		for _, f := range all {
			names = append(names, f.Path)
		}
		return names
	}
	result, err := format.Parse(format.Input{File: name + ".clab.yml", Data: data, ListFiles: paths, HasFile: func(p string) bool {
		for _, f := range all {
			if f.Path == p {
				return true
			}
		}
		return false
	}})
	if err != nil {
		t.Fatalf("%v: %+v", err, fault.Public(err).Details)
	}
	return compile(compileInput{
		LabID: "lab000000001", Tenant: "alpha", Generation: 7, Lab: result.Lab, Files: all, Deployment: d,
		Defaults: NodeDefaults{CPU: 1, MemoryBytes: 512 << 20, Pids: 1024},
	})
}

func TestCompileGivesTheSpecThatAHostGets(t *testing.T) {
	for _, name := range []string{"campus", "mgmt"} {
		t.Run(name, func(t *testing.T) {
			d := Deployment{Want: WantRun, ImageMap: map[string]string{"frrouting/*": "trunkline/router"}, Nodes: map[string]NodeDesired{"r1": {Run: hostapi.Paused, Restarts: 2}}}
			out, err := compileFile(t, name, d)
			if err != nil {
				t.Fatal(err)
			}
			texts := map[string]string{}
			for hash, text := range out.Texts {
				texts[hash] = string(text)
			}
			got, err := json.MarshalIndent(map[string]any{"spec": whole(out), "texts": texts}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
				t.Errorf("run with -update if this is meant (-golden +got):\n%s", diff)
			}
		})
	}
}

func TestCompileIsTheSameEachTimeAndFreeOfClashes(t *testing.T) {
	d := Deployment{Want: WantRun}
	first, err := compileFile(t, "campus", d)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := compileFile(t, "campus", d)
		if err != nil || !reflect.DeepEqual(first, again) {
			t.Fatalf("another spec came out: %v", err)
		}
	}
	macs := map[string]string{}
	for _, n := range whole(first).Nodes {
		for _, i := range n.Interfaces {
			if i.Name == "lo" {
				continue
			}
			if other, twice := macs[i.MAC]; twice {
				t.Errorf("%s:%s and %s have %s", n.Name, i.Name, other, i.MAC)
			}
			macs[i.MAC] = n.Name + ":" + i.Name
			if i.MAC[1] != '2' || i.MTU == 0 {
				t.Errorf("%s:%s has MAC %s and MTU %d", n.Name, i.Name, i.MAC, i.MTU)
			}
		}
	}
}

func TestAStoppedLabKeepsEverythingButRuns(t *testing.T) {
	out, err := compileFile(t, "campus", Deployment{Want: WantStop})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range whole(out).Nodes {
		if n.Run != hostapi.Stopped {
			t.Errorf("%s shall be %s", n.Name, n.Run)
		}
	}
}

func TestWhatCannotBeCompiledIsSaidWithItsField(t *testing.T) {
	address := netip.MustParseAddr
	small := &lab.Mgmt{IPv4: netip.MustParsePrefix("10.0.0.0/30")}
	cases := []struct {
		name  string
		lab   *lab.Lab
		field string
		says  string
	}{
		{"a bind that is not there", &lab.Lab{Nodes: []*lab.Node{{Name: "a", Kind: lab.Linux, Binds: []lab.Bind{{Source: "no", Target: "/x"}}}}}, "topology.nodes.a.binds", "binds no"},
		{"a startup-config that is not there", &lab.Lab{Nodes: []*lab.Node{{Name: "a", Kind: lab.Router, StartupConfig: &lab.FileContent{Path: "no"}}}}, "topology.nodes.a.startup-config", "Add the file"},
		{"too small a management subnet", &lab.Lab{Mgmt: small, Nodes: []*lab.Node{{Name: "a", Kind: lab.Linux}, {Name: "b", Kind: lab.Linux}}}, "topology.nodes.b.mgmt-ipv4", "no address left"},
		{"an address of the gateway", &lab.Lab{Mgmt: small, Nodes: []*lab.Node{{Name: "a", Kind: lab.Linux, MgmtIPv4: address("10.0.0.1")}}}, "topology.nodes.a.mgmt-ipv4", "belongs to the gateway"},
		{"an address from elsewhere", &lab.Lab{Mgmt: small, Nodes: []*lab.Node{{Name: "a", Kind: lab.Linux, MgmtIPv4: address("10.9.9.9")}}}, "topology.nodes.a.mgmt-ipv4", "no host address"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := compile(compileInput{Lab: c.lab})
			public := fault.Public(err)
			if err == nil || public.Code != fault.Invalid || public.Field != c.field || !strings.Contains(public.Sentence, c.says) {
				t.Errorf("got %+v", public)
			}
		})
	}
}

// whole is the spec of a lab that is on one host.
func whole(out compiled) hostapi.LabSpec {
	for _, spec := range out.Specs {
		return *spec
	}
	return hostapi.LabSpec{}
}
