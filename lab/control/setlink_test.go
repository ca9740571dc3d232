package control

import (
	"encoding/json"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
)

func TestALinkChangeBecomesEditsOfTheFile(t *testing.T) {
	text := func(s string) *string { return &s }
	yes, no := true, false
	for name, c := range map[string]struct {
		change LinkChange
		want   string
	}{
		"both ways":            {LinkChange{Delay: text("20ms"), Loss: text("1%")}, `{"impair-a-to-b":{"delay":"20ms","loss":"1%","rate":"10mbit"},"impair-b-to-a":{"delay":"20ms","loss":"1%"}}`},
		"from one end":         {LinkChange{From: "b", Rate: text("1mbit")}, `{"impair-a-to-b":{"delay":"5ms","rate":"10mbit"},"impair-b-to-a":{"rate":"1mbit"}}`},
		"a value taken away":   {LinkChange{From: "a:eth1", Delay: text("0")}, `{"impair-a-to-b":{"rate":"10mbit"},"impair-b-to-a":null}`},
		"a cut":                {LinkChange{Cut: &yes}, `{"cut":true}`},
		"a mend":               {LinkChange{Cut: &no}, `{"cut":null}`},
		"a cut one way":        {LinkChange{From: "b", Cut: &yes}, `{"impair-a-to-b":{"delay":"5ms","rate":"10mbit"},"impair-b-to-a":{"loss":"100%"}}`},
		"a preset from b":      {LinkChange{From: "b", Preset: "dsl"}, `{"impair-a-to-b":{"delay":"12ms","jitter":"1ms","rate":"50mbit"},"impair-b-to-a":{"delay":"12ms","jitter":"1ms","rate":"10mbit"}}`},
		"a reset":              {LinkChange{Reset: true}, `{"cut":null,"impair-a-to-b":null,"impair-b-to-a":null}`},
		"a reset of one end's": {LinkChange{Reset: true, From: "a"}, `{"impair-a-to-b":null,"impair-b-to-a":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			k := &lab.Link{Type: lab.VEth, A: lab.Endpoint{Node: "a", Interface: "eth1"}, B: lab.Endpoint{Node: "b", Interface: "eth1"},
				AtoB: lab.Impairment{RateBits: 10e6, Delay: 5 * time.Millisecond}}
			ops, err := c.change.ops(k)
			if err != nil || len(ops) != 1 || ops[0].Link != "a:eth1 b:eth1" {
				t.Fatalf("%+v, %v", ops, err)
			}
			if got, _ := json.Marshal(ops[0].Fields); string(got) != c.want {
				t.Errorf("got %s", got)
			}
		})
	}
	k := &lab.Link{A: lab.Endpoint{Node: "a", Interface: "eth1"}, B: lab.Endpoint{Node: "b", Interface: "eth1"}, Flap: &lab.Flap{}}
	if ops, err := (LinkChange{Flap: &FlapChange{"5s", "1s"}}).ops(k); err != nil || len(ops) != 1 || !ops[0].Value.Given {
		t.Errorf("a flap: %+v, %v", ops, err)
	}
	if ops, err := (LinkChange{Flap: &FlapChange{}}).ops(k); err != nil || len(ops) != 1 || ops[0].Value.Given {
		t.Errorf("a flap that ends: %+v, %v", ops, err)
	}
	for name, change := range map[string]LinkChange{"nothing": {}, "another node": {From: "c", Cut: &yes}, "no preset": {Preset: "5g"}} {
		if _, err := change.ops(k); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestALinkIsFoundAsPeopleNameIt(t *testing.T) {
	link := func(a, b string) *lab.Link {
		return &lab.Link{Type: lab.VEth, A: lab.Endpoint{Node: "r1", Interface: a}, B: lab.Endpoint{Node: "r2", Interface: b}}
	}
	l := &lab.Lab{Name: "x", Links: []*lab.Link{link("eth1", "eth1"), link("eth2", "eth2")}}
	for ref, want := range map[string]int{"r1:eth1 r2:eth1": 0, "r2:eth2": 1, "r2:eth2,r1:eth2": 1, "r1:eth2 r2": 1} {
		if k, err := linkOf(l, ref); err != nil || k != l.Links[want] {
			t.Errorf("%s: %v, %v", ref, k, err)
		}
	}
	if _, err := linkOf(l, "r1 r2"); !fault.Is(err, fault.Invalid) {
		t.Errorf("two links: %v", err)
	}
	if _, err := linkOf(l, "r1:eth9"); !fault.Is(err, fault.NotFound) {
		t.Errorf("no link: %v", err)
	}
}
