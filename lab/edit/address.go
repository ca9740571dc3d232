package edit

import (
	"net/netip"
	"slices"
	"strings"

	"trunkline/internal/fault"
)

// withAddresses sets the addresses of a link that is written in brief, or of its written ends.
func withAddresses(v pairs, fields map[string]any, slots []int) (pairs, error) {
	for i, name := range []string{"addresses-a", "addresses-b"} {
		value, ok := fields[name]
		if !ok || i >= len(slots) {
			continue
		}
		slot := slots[i]
		four, six, err := families(value)
		if err != nil {
			return nil, err
		}
		if end, ok := v.get("endpoint").(pairs); ok {
			v = v.with("endpoint", end.with("ipv4", oneOrMore(four)).with("ipv6", oneOrMore(six)))
			continue
		}
		ends, _ := v.get("endpoints").([]any)
		if slot < len(ends) {
			if _, written := ends[slot].(pairs); written || len(four) > 1 || len(six) > 1 {
				v = writtenOut(v)
				ends = slices.Clone(v.get("endpoints").([]any))
				end := ends[slot].(pairs)
				ends[slot] = end.with("ipv4", oneOrMore(four)).with("ipv6", oneOrMore(six))
				v = v.with("endpoints", ends).with("ipv4", slotOf(v.get("ipv4"), slot, nil)).with("ipv6", slotOf(v.get("ipv6"), slot, nil))
				continue
			}
		}
		v = v.with("ipv4", slotOf(v.get("ipv4"), slot, four)).with("ipv6", slotOf(v.get("ipv6"), slot, six))
	}
	return v, nil
}

// families splits addresses into IPv4 and IPv6.
func families(v any) (four, six []any, err error) {
	list, ok := ordered(v).([]any)
	if !ok && v != nil {
		list = []any{ordered(v)}
	}
	for _, item := range list {
		p, err := netip.ParsePrefix(canonical(item))
		if err != nil {
			return nil, nil, fault.New(fault.Invalid, "%q is no address with its prefix length, such as 10.0.0.1/24.", canonical(item)).InField("addresses")
		}
		if p.Addr().Is4() {
			four = append(four, p.String())
		} else {
			six = append(six, p.String())
		}
	}
	return four, six, nil
}

func oneOrMore(list []any) any {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return list
}

// slotOf sets one end's address in the pair that a brief link has of a family; nil when both are empty then.
func slotOf(old any, slot int, addresses []any) any {
	both := []any{"", ""}
	list, ok := old.([]any)
	if !ok && old != nil {
		list = []any{old}
	}
	for i := range min(len(list), 2) {
		if s := canonical(list[i]); s != "" {
			both[i] = s
		}
	}
	both[slot] = ""
	if len(addresses) > 0 {
		both[slot] = addresses[0]
	}
	if both[0] == "" && both[1] == "" {
		return nil
	}
	return both
}

// writtenOut turns brief ends into mappings, with the addresses that the link has of them.
func writtenOut(v pairs) pairs {
	ends, _ := v.get("endpoints").([]any)
	out := make([]any, len(ends))
	for i, end := range ends {
		m, ok := end.(pairs)
		if !ok {
			node, name, _ := strings.Cut(canonical(end), ":")
			m = pairs{{"node", node}, {"interface", name}}
		}
		for _, family := range []string{"ipv4", "ipv6"} {
			if list, ok := v.get(family).([]any); ok && i < len(list) && canonical(list[i]) != "" && !m.has(family) {
				m = m.with(family, list[i])
			}
		}
		out[i] = m
	}
	return v.with("endpoints", out).with("ipv4", nil).with("ipv6", nil)
}
