package format_test

import (
	"errors"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/format"
)

// header begins most of the files below.
const header = "name: x\ntopology:\n"

// twoNodes is a lab of a and b; what follows comes below topology.
const twoNodes = header + "  nodes:\n    a: {kind: linux, image: i}\n    b: {kind: linux, image: i}\n"

// said looks for a place on the line whose sentence holds the words.
func said(places []fault.Place, line int, words string) bool {
	for _, p := range places {
		if p.Line == line && strings.Contains(p.Sentence, words) {
			return true
		}
	}
	return false
}

func list(places []fault.Place) string {
	var lines []string
	for _, p := range places {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

func TestARefusalNamesTheCauseAndItsLine(t *testing.T) {
	for _, c := range []struct {
		name  string
		text  string
		line  int
		words string
	}{
		{"an empty file", "", 1, "empty"},
		{"a file of comments only", "# nothing\n", 1, "empty"},
		{"broken YAML", "name: x\ntopology:\n  nodes: [a\n", 3, "The YAML breaks here"},
		{"a list in the place of a lab", "- a\n", 1, "should be a mapping"},
		{"two documents", twoNodes + "---\nname: y\n", 6, "second document"},
		{"a lab without a name", "topology:\n  nodes: {a: {kind: linux, image: i}}\n", 0, "no name"},
		{"a lab name with a blank", "name: my lab\ntopology:\n  nodes: {a: {kind: linux, image: i}}\n", 1, "letters, digits"},
		{"a lab without topology", "name: x\n", 0, "no topology"},
		{"a lab without nodes", header + "  nodes:\n", 2, "no nodes"},
		{"an unknown field at the top", "nmae: x\n" + twoNodes, 1, "Did you mean name?"},
		{"an unknown field of a node", header + "  nodes:\n    a:\n      kind: linux\n      imgae: i\n", 6, `no field "imgae". Did you mean image?`},
		{"an unknown field in defaults", header + "  defaults:\n    sysctl: {}\n  nodes: {a: {kind: linux, image: i}}\n", 4, "Did you mean sysctls?"},
		{"an unknown field of a link", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      impiar: {}\n", 8, "Did you mean impair?"},
		{"an unknown field of mgmt", "name: x\nmgmt: {ipv4_subnet: 10.0.0.0/24}\ntopology: {nodes: {a: {kind: linux, image: i}}}\n", 2, "Did you mean ipv4-subnet?"},
		{"a key written twice", header + "  nodes:\n    a: {kind: linux, image: i}\n    a: {kind: linux, image: i}\n", 5, "written twice; the first is on line 4"},
		{"a kind that is misspelt", header + "  nodes:\n    a:\n      kind: linx\n", 5, "Did you mean linux?"},
		{"a node without kind", header + "  nodes:\n    a: {image: i}\n", 4, "has no kind"},
		{"a node name that is too long", header + "  nodes:\n    " + strings.Repeat("n", 64) + ": {kind: linux, image: i}\n", 4, "longer than 63"},
		{"a node called host", header + "  nodes:\n    host: {kind: linux, image: i}\n", 4, "cannot be called host"},
		{"a node name with a slash", header + "  nodes:\n    a/b: {kind: linux, image: i}\n", 4, "letters, digits"},
		{"a link to a missing node", twoNodes + "  links:\n    - endpoints: [a:eth1, B2:eth1]\n", 7, `no node "B2". Did you mean b?`},
		{"an interface used twice", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n    - endpoints: [a:eth1, b:eth2]\n", 8, "a:eth1 is used by two links; the other is on line 7"},
		{"an interface name of sixteen", twoNodes + "  links:\n    - endpoints: [a:eth1234567890123, b:eth1]\n", 7, "longer than 15"},
		{"an interface name with a slash", twoNodes + "  links:\n    - endpoints: ['a:eth1/1', b:eth1]\n", 7, "does not take"},
		{"a link with three ends", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1, b:eth2]\n", 7, "lan or switch"},
		{"a link with one end", twoNodes + "  links:\n    - endpoints: [a:eth1]\n", 7, "two endpoints; here are 1"},
		{"an endpoint without interface", twoNodes + "  links:\n    - endpoints: [a, b:eth1]\n", 7, "node:interface"},
		{"an unknown link type", twoNodes + "  links:\n    - {type: vteh, endpoints: []}\n", 7, "Did you mean veth?"},
		{"the loopback as an end", twoNodes + "  links:\n    - endpoints: [a:lo, b:eth1]\n", 7, "loopback"},
		{"eth0 in a lab with management", "name: x\nmgmt: {}\ntopology:\n  nodes: {a: {kind: linux, image: i}, b: {kind: linux, image: i}}\n  links:\n    - endpoints: [a:eth0, b:eth1]\n", 6, "management interface"},
		{"an MTU below IPv4's least", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      mtu: 67\n", 8, "from 68"},
		{"an address without length", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      ipv4: [10.0.0.1]\n", 8, "prefix length"},
		{"an address that is the network", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      ipv4: [10.0.0.0/24]\n", 7, "such as 10.0.0.1/24"},
		{"an IPv6 address under ipv4", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      ipv4: ['2001:db8::1/64']\n", 8, "no IPv4 address"},
		{"a loss of more than all", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      impair: {loss: 101%}\n", 8, "0% to 100%"},
		{"a delay without unit", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      impair: {delay: 20}\n", 8, "such as 20ms"},
		{"reordering without delay", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      impair: {reorder: 5%}\n", 8, "Add delay"},
		{"a rate in bytes", twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      impair: {rate: 10mbps}\n", 8, "10mbit"},
		{"an interface's settings without a cable", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      interfaces: {eth1: 10.0.0.1/24}\n", 7, "no link leads there"},
		{"a VLAN that does not exist", header + "  nodes:\n    s:\n      kind: switch\n      interfaces: {p1: {access: 4095}}\n    t: {kind: switch}\n  links:\n    - endpoints: [s:p1, t:p1]\n", 6, "no VLAN 4095"},
		{"a VLAN on a host", header + "  nodes:\n    s:\n      kind: linux\n      image: i\n      interfaces: {p1: {access: 5}}\n    t: {kind: switch}\n  links:\n    - endpoints: [s:p1, t:p1]\n", 7, "ports of a switch"},
		{"a sysctl of the host", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      sysctls:\n        kernel.core_pattern: x\n", 8, "not allowed"},
		{"a capability over the host", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      cap-add:\n        - SYS_MODULE\n", 8, "SYS_MODULE"},
		{"a bind without target", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      binds:\n        - a:b:c:d\n", 8, "written as file:/absolute"},
		{"a command with an open quote", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      cmd: sh -c \"ls\n", 7, "double quote is opened"},
		{"an exec with an open quote", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      exec:\n        - echo it's\n", 8, "single quote is opened"},
		{"a variable that is not given", header + "  nodes:\n    a:\n      kind: linux\n      image: ${IMAGE}\n", 6, "IMAGE is not given"},
		{"a variable with its own message", header + "  nodes:\n    a:\n      kind: linux\n      image: ${IMAGE:?set it}\n", 6, "set it"},
		{"a template in a value", header + "  nodes:\n    a:\n      kind: linux\n      image: '{{ .image }}'\n", 6, "Go template"},
		{"a template over lines", "name: x\n{{ range .nodes }}\n{{ end }}\n", 2, "Go template"},
		{"nodes that wait for each other", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      stages: {create: {wait-for: [{node: b, stage: create}]}}\n    b:\n      kind: linux\n      image: i\n      stages: {create: {wait-for: [{node: a, stage: create}]}}\n", 7, "a waits for b waits for a"},
		{"a wait for a missing node", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      stages: {create: {wait-for: [{node: c}]}}\n", 7, `waits for "c"`},
		{"OSPF on a plain host", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      routing: {ospf: {areas: {0: [lo]}}}\n", 7, "kind router"},
		{"a route to nowhere", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      routing: {static: [{to: default}]}\n", 7, "needs via"},
		{"a management address outside the subnet", "name: x\nmgmt: {ipv4-subnet: 172.20.20.0/24}\ntopology:\n  nodes:\n    a:\n      kind: linux\n      image: i\n      mgmt-ipv4: 10.0.0.1\n", 8, "not in the management subnet"},
		{"memory without a unit", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      memory: 512\n", 7, "Write a unit"},
		{"a character that cannot be printed", header + "  nodes:\n    a:\n      kind: linux\n      image: \"i\\x07\"\n", 6, "cannot be printed"},
		{"a switch's setting on a host", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      switch: {stp: rstp}\n", 7, "for nodes of kind switch"},
		{"a port that is none", header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      ports: ['80:http']\n", 7, "8080:80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := format.Parse(format.Input{File: "lab.clab.yml", Data: []byte(c.text), HasFile: everyFile})
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("got %v, want a refusal", err)
			}
			details := err.(*fault.Error).Details
			if !said(details, c.line, c.words) {
				t.Errorf("want line %d to say %q, got:\n%s", c.line, c.words, list(details))
			}
		})
	}
}

func TestWhatIsLeftOutIsSaidWithItsLine(t *testing.T) {
	const node = header + "  nodes:\n    a:\n      kind: linux\n      image: i\n      "
	for _, c := range []struct {
		name  string
		text  string
		line  int
		words string
	}{
		{"a bind of a host's path", node + "binds: [/lib/modules:/lib/modules]\n", 7, "never reaches a path of its host"},
		{"a bind of a home folder", node + "binds: ['~/x:/x']\n", 7, "never reaches a path of its host"},
		{"a bind out of the folder", node + "binds: [../x:/x]\n", 7, "outside the lab's folder"},
		{"an anonymous volume", node + "binds: [/data]\n", 7, "volume"},
		{"the host's network", node + "network-mode: host\n", 7, "never joins its host's network"},
		{"another container's network", node + "network-mode: container:b\n", 7, "share no network namespace"},
		{"a licence", node + "license: key\n", 7, "licences belong to vendor systems"},
		{"devices", node + "devices: [/dev/kvm]\n", 7, "no devices of its host"},
		{"a startup-config from the web", node + "startup-config: https://example.com/x\n", 7, "nothing is fetched"},
		{"the server's environment", node + "env: {__IMPORT_ENVS: 'true'}\n", 7, "never handed to a lab"},
		{"a management address without management", node + "mgmt-ipv4: 10.0.0.1\n", 7, "no mgmt section"},
		{"a command on the host", node + "stages: {create: {exec: [{command: id, target: host}]}}\n", 7, "a lab runs nothing"},
		{"an image on a switch", header + "  nodes:\n    s:\n      kind: switch\n      image: i\n", 6, "a switch is no container"},
		{"a link to the host", twoNodes + "  links:\n    - endpoints: [a:eth1, host:x]\n", 7, "a:eth1 stays, but leads nowhere"},
		{"a macvlan link", twoNodes + "  links:\n    - {type: macvlan, endpoint: {node: a, interface: eth1}, host-interface: ens3, mode: bridge}\n", 7, "network card of the machine"},
		{"a vxlan link", twoNodes + "  links:\n    - {type: vxlan, endpoint: {node: a, interface: eth1}, remote: 10.0.0.1, vni: 5, udp-port: 14789}\n", 7, "put both ends into one lab"},
		{"a node that is the host", twoNodes[:len(twoNodes)] + "    h: {kind: host}\n", 6, "stands for the machine itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			result, err := format.Parse(format.Input{File: "lab.clab.yml", Data: []byte(c.text), HasFile: everyFile})
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if !said(result.Dropped, c.line, c.words) {
				t.Errorf("want line %d to say %q, got:\n%s", c.line, c.words, list(result.Dropped))
			}
		})
	}
}

func TestARefusalNamesOnlyTheNodesItIsAbout(t *testing.T) {
	text := header + "  nodes:\n    v: {kind: nokia_srlinux, license: x, cap-add: [SYS_MODULE]}\n    a: {kind: linux, image: i}\n  links:\n    - endpoints: [v:e1-1, a:eth1]\n"
	result, err := format.Parse(format.Input{File: "x", Data: []byte(text)})
	if details := err.(*fault.Error).Details; len(details) != 1 || details[0].Field != "topology.nodes.v" || details[0].Line != 4 {
		t.Errorf("got:\n%s", list(details))
	}
	if result == nil || len(result.Lab.Nodes) != 1 || result.Lab.Nodes[0].Name != "a" || len(result.Lab.Links) != 0 || len(result.Dropped) != 0 {
		t.Errorf("what could be mapped is missing: %+v", result)
	}
}

func TestAHugeOrHostileFileIsRefusedAtOnce(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for i := 'b'; i <= 'k'; i++ {
		bomb += string(i) + ": &" + string(i) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(i-1)+", ", 9), ", ") + "]\n"
	}
	defaults := header + "  defaults:\n    exec:\n" + strings.Repeat("      - echo\n", 5000) + "  nodes:\n"
	for i := range 1000 {
		defaults += "    n" + strings.Repeat("i", i%50) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + ": {kind: linux, image: i}\n"
	}
	for name, text := range map[string]string{
		"more than a megabyte":                    "name: " + strings.Repeat("x", format.MaxBytes),
		"aliases upon aliases":                    bomb,
		"an alias inside itself":                  "a: &a {b: *a}\n",
		"nesting without end":                     "a: " + strings.Repeat("[", 200) + strings.Repeat("]", 200),
		"defaults that multiply":                  defaults,
		"text that is not UTF-8":                  "name: \xff\xfe\n",
		"variables that multiply":                 header + "  nodes: {a: {kind: linux, image: '" + strings.Repeat("${V}", 20000) + "'}}\n",
		"ten thousand nodes and more":             header + "  nodes:\n" + manyNodes(format.MaxNodes+1),
		"a merge of something that is no mapping": header + "  nodes: {a: {<<: [x]}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := format.Parse(format.Input{File: "x", Data: []byte(text), Env: map[string]string{"V": strings.Repeat("v", 100)}})
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("got %v, want a refusal", err)
			}
			if details := err.(*fault.Error).Details; len(details) > 250 {
				t.Errorf("%d complaints", len(details))
			}
		})
	}
}

func TestAnExternalNodeNamesItsNetwork(t *testing.T) {
	const text = "name: x\ntopology:\n  nodes:\n    out: {kind: external, external: {network: campus, vlan: 120}, image: i}\n    a: {kind: linux, image: i}\n  links: [{endpoints: ['out:p1', 'a:eth1']}]\n"
	result := mustParse(t, text)
	if e := result.Lab.Nodes[0].External; e == nil || *e != (lab.ExternalConfig{Network: "campus", VLAN: 120}) || result.Lab.Nodes[0].Image != "" {
		t.Errorf("got %+v", result.Lab.Nodes[0])
	}
	if len(result.Dropped) != 1 || !strings.Contains(result.Dropped[0].Sentence, "image is left out") {
		t.Errorf("dropped %v", result.Dropped)
	}
	written, err := format.Format(result.Lab)
	if err != nil || !strings.Contains(string(written), "external:\n        network: campus\n        vlan: 120\n") {
		t.Errorf("written is\n%s, %v", written, err)
	}
	for _, c := range []struct{ what, with, words string }{
		{"no network", "{kind: external}", "which network it leads to"},
		{"a VLAN that there is not", "{kind: external, external: {network: campus, vlan: 4095}}", "from 1 to 4094"},
		{"a slip of the finger", "{kind: external, external: {netwrok: campus}}", "network"},
	} {
		_, err := format.Parse(format.Input{File: "x.clab.yml", Data: []byte("name: x\ntopology: {nodes: {out: " + c.with + "}}\n")})
		refusal, ok := errors.AsType[*fault.Error](err)
		if !ok || len(refusal.Details) == 0 || !strings.Contains(refusal.Details[0].Sentence, c.words) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
