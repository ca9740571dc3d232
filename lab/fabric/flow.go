package fabric

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/digitalocean/go-openvswitch/ovs"

	"trunkline/internal/fault"
)

const flowPriority = 100

// flow is one rule of the panel in the words of ovs-ofctl's dumps, so that wanted and observed compare as text.
type flow struct {
	inPort  int
	tunID   uint32     // match; 0: none
	tunSrc  netip.Addr // match
	kind    uint16     // match: EtherType; 0: any
	ethDst  string     // match: MAC address; "": any
	ethSrc  string     // match
	output  int        // 0: out of the port it came in by
	setDst  string     // action: MAC address; "": none
	setSrc  string
	setVNI  uint32 // action; 0: none
	setDest netip.Addr
	rank    int      // above flowPriority
	tag     tagMatch // match
	wrap    bool     // action: put a tag of ours around the frame
	unwrap  bool     // action: take it off
}

// Frames of labs may carry a tag of ours inside a tunnel. A kernel from 5.9 on answers an untagged IP packet that is too large for one outer
// packet by itself ("fragmentation needed") and drops it, where the tunnel is a port of Open vSwitch (skb_tunnel_check_pmtu in
// net/ipv4/ip_tunnel_core.c), so that an inner MTU of 1500 would not hold. It looks for plain IP only: with a tag the frame goes out in
// fragments. So a host with the kernel's datapath wraps what has no tag. What has one goes as it is: Open vSwitch looks into one tag alone,
// and a segment would drop what shows a second one when ours is off. Every host unwraps, and wraps a frame that bears our tag already.
const wrapVLAN = nobodysVLAN

// tagMatch is which frames a flow takes by their outermost VLAN tag.
type tagMatch int

const (
	anyFrame     tagMatch = iota
	taggedFrame           // it has one
	wrappedFrame          // it has ours
)

// fields are the matches besides the port, as name and value.
func (f flow) fields() [][2]string {
	var fields [][2]string
	if f.tunID != 0 {
		fields = append(fields, [2]string{"tun_id", fmt.Sprintf("%#x", f.tunID)}, [2]string{tunnelField(f.tunSrc, "src"), f.tunSrc.String()})
	}
	if f.kind != 0 {
		fields = append(fields, [2]string{"dl_type", fmt.Sprintf("%#04x", f.kind)})
	}
	if f.ethDst != "" {
		fields = append(fields, [2]string{"dl_dst", f.ethDst})
	}
	if f.ethSrc != "" {
		fields = append(fields, [2]string{"dl_src", f.ethSrc})
	}
	switch f.tag {
	case taggedFrame:
		fields = append(fields, [2]string{"vlan_tci", "0x1000/0x1000"})
	case wrappedFrame:
		fields = append(fields, [2]string{"dl_vlan", strconv.Itoa(wrapVLAN)})
	}
	return fields
}

// sets are the fields that the flow rewrites, as value and name, in their order.
func (f flow) sets() [][2]string {
	var sets [][2]string
	if f.setDst != "" {
		sets = append(sets, [2]string{f.setDst, "eth_dst"})
	}
	if f.setSrc != "" {
		sets = append(sets, [2]string{f.setSrc, "eth_src"})
	}
	if f.wrap {
		sets = append(sets, [2]string{strconv.Itoa(vlanPresent | wrapVLAN), "vlan_vid"})
	}
	if f.setVNI != 0 {
		sets = append(sets, [2]string{fmt.Sprintf("%#x", f.setVNI), "tun_id"}, [2]string{f.setDest.String(), tunnelField(f.setDest, "dst")})
	}
	return sets
}

// vlanPresent is OFPVID_PRESENT of OpenFlow: part of every identifier of a tag that is there.
const vlanPresent = 0x1000

func (f flow) match() string {
	parts := []string{fmt.Sprintf("priority=%d", flowPriority+f.rank), fmt.Sprintf("in_port=%d", f.inPort)}
	for _, field := range f.fields() {
		parts = append(parts, field[0]+"="+field[1])
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

func (f flow) actions() string {
	var parts []string
	if f.unwrap {
		parts = append(parts, "pop_vlan")
	}
	if f.wrap {
		parts = append(parts, string(pushTag))
	}
	for _, set := range f.sets() {
		parts = append(parts, "set_field:"+set[0]+"->"+set[1])
	}
	if f.output == 0 {
		return strings.Join(append(parts, "IN_PORT"), ",")
	}
	return strings.Join(append(parts, fmt.Sprintf("output:%d", f.output)), ",")
}

func tunnelField(a netip.Addr, side string) string {
	if a.Is6() {
		return "tun_ipv6_" + side
	}
	return "tun_" + side
}

// literalAction is an action that the library has no name for.
type literalAction string

const pushTag literalAction = "push_vlan:0x8100"

// MarshalText implements ovs.Action.
func (a literalAction) MarshalText() ([]byte, error) { return []byte(a), nil }

// GoString implements ovs.Action.
func (a literalAction) GoString() string { return fmt.Sprintf("literalAction(%q)", string(a)) }

func (f flow) asAddition(cookie uint64) *ovs.Flow {
	var matches []ovs.Match
	for _, field := range f.fields() {
		matches = append(matches, ovs.FieldMatch(field[0], field[1]))
	}
	var actions []ovs.Action
	if f.unwrap {
		actions = append(actions, ovs.StripVLAN())
	}
	if f.wrap {
		actions = append(actions, pushTag)
	}
	for _, set := range f.sets() {
		actions = append(actions, ovs.SetField(set[0], set[1]))
	}
	out := ovs.Output(f.output)
	if f.output == 0 {
		out = ovs.InPort()
	}
	return &ovs.Flow{Priority: flowPriority + f.rank, InPort: f.inPort, Matches: matches, Cookie: cookie, Actions: append(actions, out)}
}

// flowsOf lists a lab's flows: two for each cable, and a few for each cable or segment that leads to another host.
func flowsOf(w *wanted, numbers map[string]int, tunnel int) []flow {
	flows := make([]flow, 0, 2*len(w.cables))
	for _, c := range w.cables {
		a := numbers[c.a]
		if c.remote.IsValid() {
			for _, f := range tunnelFlows(a, tunnel, c.vni, c.remote, w.wrap) {
				if toA := f.inPort == tunnel; toA && !c.deafA || !toA && !c.deafB {
					flows = append(flows, f)
				}
			}
			continue
		}
		b := numbers[c.b]
		if !c.deafB {
			flows = append(flows, flow{inPort: a, output: b})
		}
		if !c.deafA {
			flows = append(flows, flow{inPort: b, output: a})
		}
	}
	return flows
}

// tunnelFlows join a port with another host, wrapping what has no tag or not.
func tunnelFlows(port, tunnel int, vni uint32, remote netip.Addr, wrap bool) []flow {
	out := flow{inPort: port, output: tunnel, setVNI: vni, setDest: remote, wrap: wrap}
	again, in := out, flow{inPort: tunnel, tunID: vni, tunSrc: remote, output: port}
	again.tag, again.rank, again.wrap = wrappedFrame, 2, true
	wrapped := in
	wrapped.tag, wrapped.rank, wrapped.unwrap = wrappedFrame, 2, true
	flows := []flow{out, again, in, wrapped}
	if wrap {
		plain := out
		plain.tag, plain.rank, plain.wrap = taggedFrame, 1, false
		flows = append(flows, plain)
	}
	return flows
}

// observedFlow is one line of a dump.
type observedFlow struct {
	cookie  uint64
	match   string // fields in alphabetical order
	actions string
}

// parseFlows reads ovs-ofctl dump-flows --no-stats --no-names.
func parseFlows(dump []byte) ([]observedFlow, error) {
	var flows []observedFlow
	for line := range strings.Lines(string(dump)) {
		line = strings.TrimSpace(line)
		left, actions, ok := strings.Cut(line, " actions=")
		if !ok {
			if strings.Contains(line, "_FLOW reply") || line == "" {
				continue
			}
			return nil, fault.New(fault.Internal, "Open vSwitch described a flow as %q, which this version can't read.", line)
		}
		f := observedFlow{actions: actions}
		var fields []string
		for field := range strings.SplitSeq(left, ",") {
			field = strings.TrimSpace(field)
			if hex, found := strings.CutPrefix(field, "cookie=0x"); found {
				f.cookie, _ = strconv.ParseUint(hex, 16, 64)
			} else if field != "table=0" {
				fields = append(fields, field)
			}
		}
		slices.Sort(fields)
		f.match = strings.Join(fields, ",")
		flows = append(flows, f)
	}
	return flows, nil
}

var portNumber = regexp.MustCompile(`(?:in_port=|output:)(\d+)`)

// mentions lists the port numbers a flow names.
func (f observedFlow) mentions() []int {
	var numbers []int
	for _, m := range portNumber.FindAllStringSubmatch(f.match+" "+f.actions, -1) {
		n, _ := strconv.Atoi(m[1])
		numbers = append(numbers, n)
	}
	return numbers
}

// flowChange is what one bundle does: removals first.
type flowChange struct {
	remove []observedFlow
	add    []flow
}

func diffFlows(have []observedFlow, want []flow, cookie uint64) flowChange {
	byMatch := map[string]observedFlow{}
	for _, h := range have {
		byMatch[h.match] = h
	}
	var c flowChange
	wanted := map[string]bool{}
	for _, w := range want {
		wanted[w.match()] = true
		if h, ok := byMatch[w.match()]; !ok || h.cookie != cookie || h.actions != w.actions() {
			c.add = append(c.add, w)
		}
	}
	for _, h := range have {
		if h.cookie == cookie && !wanted[h.match] {
			c.remove = append(c.remove, h)
		}
	}
	return c
}

// applyFlows commits a change as one bundle: all of it or nothing.
func (v *vswitch) applyFlows(ctx context.Context, bridge string, cookie uint64, c flowChange) error {
	if len(c.remove) == 0 && len(c.add) == 0 {
		return nil
	}
	v.writes.Add(1)
	fill := func(tx *ovs.FlowTransaction) error {
		for _, h := range c.remove {
			m, err := h.asRemoval(cookie)
			if err != nil {
				return tx.Discard(err)
			}
			tx.Delete(m)
		}
		for _, f := range c.add {
			tx.Add(f.asAddition(cookie))
		}
		return tx.Commit()
	}
	return v.withOpenFlow(ctx, func(of *ovs.OpenFlowService) error { return of.AddFlowBundle(bridge, fill) })
}

// asRemoval matches exactly the flow of that cookie.
func (f observedFlow) asRemoval(cookie uint64) (*ovs.MatchFlow, error) {
	m := &ovs.MatchFlow{Cookie: cookie, CookieMask: ^uint64(0), Table: ovs.AnyTable}
	for field := range strings.SplitSeq(f.match, ",") {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "priority":
		case "in_port":
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, fault.Wrap(err, fault.Internal, "Open vSwitch described a flow as %q, which this version can't read.", f.match)
			}
			m.InPort = n
		default:
			m.Matches = append(m.Matches, ovs.FieldMatch(key, value))
		}
	}
	return m, nil
}

// removeFlows deletes every flow of a cookie.
func (v *vswitch) removeFlows(ctx context.Context, bridge string, cookie uint64) error {
	v.writes.Add(1)
	all := &ovs.MatchFlow{Cookie: cookie, CookieMask: ^uint64(0), Table: ovs.AnyTable}
	return v.withOpenFlow(ctx, func(of *ovs.OpenFlowService) error { return of.DelFlows(bridge, all) })
}
