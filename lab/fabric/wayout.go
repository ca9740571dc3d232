package fabric

import (
	"context"
	"encoding/binary"
	"net/netip"
	"os"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
)

// closedRanges are what a lab must never reach by its way out: this host, its neighbours, clouds' metadata services.
var closedRanges = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // "this network", RFC 791
	netip.MustParsePrefix("10.0.0.0/8"),     // private, RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"),  // carrier-grade NAT, RFC 6598; our uplinks are in it
	netip.MustParsePrefix("127.0.0.0/8"),    // loopback
	netip.MustParsePrefix("169.254.0.0/16"), // link-local, RFC 3927; 169.254.169.254 is the metadata service
	netip.MustParsePrefix("172.16.0.0/12"),  // private
	netip.MustParsePrefix("192.0.0.0/24"),   // protocol assignments, RFC 6890; 192.0.0.192 is a metadata service
	netip.MustParsePrefix("192.168.0.0/16"), // private
	netip.MustParsePrefix("198.18.0.0/15"),  // benchmarks, RFC 2544
	netip.MustParsePrefix("224.0.0.0/4"),    // multicast
	netip.MustParsePrefix("240.0.0.0/4"),    // reserved, and the broadcast address
}

// waysOutSet holds the addresses of the namespaces that may go out.
const waysOutSet = "ways_out"

func waysOut(table *nftables.Table) *nftables.Set {
	return &nftables.Set{Table: table, Name: waysOutSet, KeyType: nftables.TypeIPAddr}
}

// ensureOutTable makes the table for ways out when it isn't there as this version makes it.
func (f *Fabric) ensureOutTable() error {
	conn, err := f.nft(int(f.rootNS))
	if err != nil {
		return err
	}
	defer conn.CloseLasting()
	records, err := f.internetRecords()
	if err != nil {
		return err
	}
	build := func(table *nftables.Table) error { return f.openWaysOut(conn, table, records) }
	if err := f.ensureTable(conn, f.names.outTable(), "v1", build); err != nil {
		return fault.Wrap(err, fault.Unsupported, "The firewall rules for ways out can't be set. The kernel needs nftables with inet tables, fib, NAT and conntrack.")
	}
	return nil
}

// openWaysOut adds the chains for packets from and to internet nodes. What is closed is closed twice: before and after someone else's
// destination NAT, so that a published port of a container on this host isn't a way around.
func (f *Fabric) openWaysOut(conn *nftables.Conn, table *nftables.Table, records []internetRecord) error {
	set := waysOut(table)
	var elements []nftables.SetElement
	for _, r := range records {
		if r.Uplink.IsValid() {
			elements = append(elements, nftables.SetElement{Key: r.Uplink.Addr().AsSlice()})
		}
	}
	if err := conn.AddSet(set, elements); err != nil {
		return err
	}
	from, to := inGroup(expr.MetaKeyIIFGROUP, f.names.uplinkGroup()), inGroup(expr.MetaKeyOIFGROUP, f.names.uplinkGroup())
	entry := ruleset{conn, table, conn.AddChain(&nftables.Chain{Name: "entry", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRef(*nftables.ChainPriorityMangle - 5)})}
	entry.add(from, notIPv4(), drop())
	entry.add(from, sourceIn(set, true), drop())
	entry.add(from, notUnicast(), drop()) // the host's own addresses, whatever they are now
	for _, p := range closedRanges {
		entry.add(from, headedFor(p), drop())
	}
	forward := ruleset{conn, table, conn.AddChain(&nftables.Chain{Name: "forward", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter})}
	for _, p := range closedRanges {
		forward.add(from, headedFor(p), drop())
	}
	forward.add(from, to, drop())
	forward.add(to, answers(), accept())
	forward.add(to, drop())
	input := ruleset{conn, table, conn.AddChain(&nftables.Chain{Name: "input", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter})}
	input.add(from, drop())
	exit := ruleset{conn, table, conn.AddChain(&nftables.Chain{Name: "exit", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource})}
	exit.add(ipv4Only(), sourceIn(set, false), []expr.Any{&expr.Masq{}})
	return nil
}

// openWayOut lets one internet node out through the host: forwarding, the address set, and the rules of a firewall that drops by default.
func (f *Fabric) openWayOut(ctx context.Context, r internetRecord) error {
	if err := f.sysctl("net/ipv4/ip_forward", "1"); err != nil {
		return fault.Wrap(err, fault.Unavailable, "Forwarding can't be turned on. Turn it on with `sysctl net.ipv4.ip_forward=1`.")
	}
	if err := f.ensureOutTable(); err != nil {
		return err
	}
	if err := f.setWayOut(r, true); err != nil {
		return err
	}
	return f.ensureForward(ctx, f.names.uplink(r.Lab, r.Node))
}

// closeWayOut undoes openWayOut. Forwarding stays on: others may count on it by now.
func (f *Fabric) closeWayOut(ctx context.Context, r internetRecord) error {
	if !r.Uplink.IsValid() {
		return nil // it never had one
	}
	if err := f.setWayOut(r, false); err != nil {
		return err
	}
	return f.removeForward(ctx, f.names.uplink(r.Lab, r.Node))
}

// setWayOut puts the node's address into the set or takes it out; no table means nothing to take out.
func (f *Fabric) setWayOut(r internetRecord, open bool) error {
	conn, err := f.nft(int(f.rootNS))
	if err != nil {
		return err
	}
	defer conn.CloseLasting()
	if there, err := hasTable(conn, f.names.outTable()); err != nil || !there {
		return err
	}
	wrong := func(err error) error {
		return fault.Wrap(err, fault.Unavailable, "The firewall's list of ways out can't be changed.")
	}
	set := waysOut(&nftables.Table{Family: nftables.TableFamilyINet, Name: f.names.outTable()})
	elements, err := conn.GetSetElements(set)
	if err != nil {
		return wrong(err)
	}
	there := false
	for _, e := range elements {
		if a, ok := netip.AddrFromSlice(e.Key); ok && a == r.Uplink.Addr() {
			there = true
		}
	}
	if there == open {
		return nil
	}
	element := []nftables.SetElement{{Key: r.Uplink.Addr().AsSlice()}}
	change := conn.SetDeleteElements
	if open {
		change = conn.SetAddElements
	}
	f.writes.Add(1)
	if err := change(set, element); err != nil {
		return wrong(err)
	}
	if err := conn.Flush(); err != nil {
		return wrong(err)
	}
	return nil
}

// insideTable is the table in an internet node's own namespace.
const insideTable = "trunkline"

// ensureInsideRules makes the namespace's firewall: the lab's addresses out, translated; nothing in but answers.
func (f *Fabric) ensureInsideRules(n *nodeNS, subnet netip.Prefix) error {
	conn, err := f.nft(int(n.ns))
	if err != nil {
		return err
	}
	defer conn.CloseLasting()
	version := "v1_" + f.names.digest(8, subnet.Masked().String())
	build := func(table *nftables.Table) error {
		buildInside(conn, table, subnet)
		return nil
	}
	if err := f.ensureTable(conn, insideTable, version, build); err != nil {
		return fault.Wrap(err, fault.Unsupported, "The firewall of the internet node %s can't be set. The kernel needs nftables with inet tables, NAT and conntrack.", n.node.Name)
	}
	return nil
}

func buildInside(conn *nftables.Conn, table *nftables.Table, subnet netip.Prefix) {
	closed := nftables.ChainPolicyDrop
	chain := func(name string, hook *nftables.ChainHook) ruleset {
		return ruleset{conn, table, conn.AddChain(&nftables.Chain{Name: name, Table: table, Type: nftables.ChainTypeFilter,
			Hooknum: hook, Priority: nftables.ChainPriorityFilter, Policy: &closed})}
	}
	input := chain("input", nftables.ChainHookInput)
	input.add(answers(), accept())
	input.add(through(expr.MetaKeyIIFNAME, insideBridge), accept())
	input.add(through(expr.MetaKeyIIFNAME, loopback), accept())
	forward := chain("forward", nftables.ChainHookForward)
	forward.add(answers(), accept())
	forward.add(through(expr.MetaKeyIIFNAME, insideBridge), through(expr.MetaKeyOIFNAME, insideBridge), accept())
	for _, p := range closedRanges {
		forward.add(headedFor(p), prohibited())
	}
	forward.add(through(expr.MetaKeyIIFNAME, insideBridge), through(expr.MetaKeyOIFNAME, insideUplink), comesFrom(subnet.Masked()), accept())
	exit := ruleset{conn, table, conn.AddChain(&nftables.Chain{Name: "exit", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource})}
	exit.add(through(expr.MetaKeyOIFNAME, insideUplink), []expr.Any{&expr.Masq{}})
}

// egressProblems says what keeps this host from giving internet.
func (f *Fabric) egressProblems() []string {
	var problems []string
	if _, err := os.Stat("/proc/sys/net/ipv4/ip_forward"); err != nil {
		problems = append(problems, "This host can't forward packets, so internet nodes have no way out. Give the agent its own /proc/sys, or start it outside a container.")
	}
	return problems
}

// prohibited answers with "administratively prohibited", so that a person inside sees at once that it is closed.
func prohibited() []expr.Any {
	return []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}}
}

func family(op expr.CmpOp) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}, &expr.Cmp{Op: op, Register: 1, Data: []byte{unix.NFPROTO_IPV4}}}
}

func ipv4Only() []expr.Any { return family(expr.CmpOpEq) }
func notIPv4() []expr.Any  { return family(expr.CmpOpNeq) }

// Offsets of the addresses in an IPv4 header (RFC 791).
const (
	sourceOffset      = 12
	destinationOffset = 16
)

func headedFor(p netip.Prefix) []expr.Any { return addressIn(destinationOffset, p) }
func comesFrom(p netip.Prefix) []expr.Any { return addressIn(sourceOffset, p) }

func addressIn(offset uint32, p netip.Prefix) []expr.Any {
	mask := binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-p.Bits()))
	return append(ipv4Only(),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: mask, Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: p.Masked().Addr().AsSlice()})
}

func sourceIn(set *nftables.Set, invert bool) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: sourceOffset, Len: 4},
		&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID, Invert: invert},
	}
}

// notUnicast matches destinations the routing table calls local, broadcast, multicast or unreachable.
func notUnicast() []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: 1, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_UNICAST)},
	}
}

// answers matches packets of connections that are under way.
func answers() []expr.Any {
	const states = expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(states), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
}

func through(key expr.MetaKey, name string) []expr.Any {
	padded := make([]byte, unix.IFNAMSIZ)
	copy(padded, name)
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: padded}}
}
