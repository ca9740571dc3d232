package format_test

import (
	"reflect"
	"testing"
	"time"

	"trunkline/lab"
)

func TestBothFormsOfALinkSayTheSame(t *testing.T) {
	brief := mustParse(t, twoNodes+"  links:\n    - endpoints: [a:eth1, b:eth1]\n      ipv4: [10.0.0.1/30, 10.0.0.2/30]\n      ipv6: ['', '2001:db8::2/64']\n      mtu: 9000\n").Lab.Links[0]
	extended := mustParse(t, twoNodes+"  links:\n    - type: veth\n      mtu: 9000\n      endpoints:\n        - {node: a, interface: eth1, ipv4: 10.0.0.1/30}\n        - {node: b, interface: eth1, ipv6: '2001:db8::2/64', ipv4: 10.0.0.2/30}\n").Lab.Links[0]
	if !reflect.DeepEqual(brief, extended) {
		t.Errorf("brief %+v\nextended %+v", brief, extended)
	}
	if got := extended.B.Addresses; len(got) != 2 || got[0].String() != "10.0.0.2/30" || got[1].String() != "2001:db8::2/64" {
		t.Errorf("addresses: %v", got)
	}
}

func TestAnImpairmentIsReadInPeoplesUnits(t *testing.T) {
	l := mustParse(t, twoNodes+`  links:
    - endpoints: [a:eth1, b:eth1]
      impair: {rate: 2.5 Mbit/s, delay: 20 ms, jitter: 500us, loss: 0.1, duplicate: 1 %, reorder: 5%, corrupt: 0%}
    - endpoints: [a:eth2, b:eth2]
      impair: {a-to-b: {rate: 800, delay: 1.5s}, b-to-a: {loss: 100%}}
      cut: yes
`).Lab
	both := lab.Impairment{RateBits: 2_500_000, Delay: 20 * time.Millisecond, Jitter: 500 * time.Microsecond, Loss: 0.1, Duplicate: 1, Reorder: 5}
	if k := l.Links[0]; k.AtoB != both || k.BtoA != both || k.Cut {
		t.Errorf("both ways: %+v", k)
	}
	if k := l.Links[1]; k.AtoB != (lab.Impairment{RateBits: 800, Delay: 1500 * time.Millisecond}) || k.BtoA != (lab.Impairment{Loss: 100}) || !k.Cut {
		t.Errorf("each way: %+v", k)
	}
}

func TestASpecialWordMayStandOnEitherSide(t *testing.T) {
	l := mustParse(t, twoNodes+"  links:\n    - endpoints: ['host:x', a:eth1]\n      ipv4: ['', 10.0.0.1/24]\n    - endpoints: [a:eth2, 'mgmt-net:y']\n    - endpoints: ['dummy:z', b:dum0]\n").Lab
	want := []lab.LinkType{lab.Dummy, lab.MgmtNet, lab.Dummy}
	for i, k := range l.Links {
		if k.Type != want[i] || k.B.Node != "" {
			t.Errorf("link %d: %+v", i, k)
		}
	}
	if got := l.Links[0].A.Addresses; len(got) != 1 || got[0].String() != "10.0.0.1/24" {
		t.Errorf("the address went to the wrong end: %v", got)
	}
	if l.Mgmt == nil || l.Mgmt.IPv4.String() != "172.20.20.0/24" {
		t.Errorf("a mgmt-net link needs a segment: %+v", l.Mgmt)
	}
}

func TestABridgeInsideAContainerBecomesASwitchBesideIt(t *testing.T) {
	l := mustParse(t, "name: x\ntopology:\n  nodes:\n    'br|c': {kind: bridge, network-mode: 'container:c'}\n    c: {kind: linux, image: i}\n    d: {kind: linux, image: i}\n  links:\n    - endpoints: [d:eth1, 'br|c:p1']\n").Lab
	if l.Nodes[0].Name != "br" || l.Nodes[0].Kind != lab.Switch {
		t.Errorf("the bridge: %+v", l.Nodes[0])
	}
	if got := []string{l.Links[0].ID(), l.Links[1].ID()}; got[0] != "c:br br:br" || got[1] != "d:eth1 br:p1" {
		t.Errorf("links: %v", got)
	}
}

func TestPortsOfOurSwitchesAreTheirOwn(t *testing.T) {
	mustParse(t, "name: x\ntopology:\n  nodes: {s: {kind: switch}, t: {kind: switch}, a: {kind: linux, image: i}}\n  links:\n    - endpoints: [s:eth1, t:eth1]\n    - endpoints: [a:eth2, 'host:eth1']\n")
}
