package fabric

import (
	"errors"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
)

// The host has up to two nftables tables: one keeps nodes away from the host, the other lets internet nodes out.
//
// The userspace datapath reads a copy of each frame: the host's own stack sees it too. Host ends answer no ARP and have no IPv6, and the
// chain "closed" drops what is left of IPv4, so that no node reaches a service of the host by sending to a port's own hardware address.
// The kernel datapath takes each frame away from the stack; there the table is a second lock.

// ensureGuard makes the table that keeps nodes away when it isn't there as this version makes it.
func (f *Fabric) ensureGuard() error {
	conn, err := f.nft(int(f.rootNS))
	if err == nil {
		defer conn.CloseLasting()
		err = f.ensureTable(conn, f.names.table(), "v1", func(table *nftables.Table) error {
			f.closePorts(conn, table)
			return nil
		})
	}
	if err != nil && f.datapath() == datapathSystem {
		f.unguarded.Do(func() {
			f.log.Warn("this kernel takes no nftables rules; host ends are kept apart by the kernel datapath alone", "error", err)
		})
		return nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Unsupported, "The firewall rules that keep nodes away from this host can't be set. The kernel needs nftables with inet tables (CONFIG_NF_TABLES_INET).")
	}
	return nil
}

// nft opens an nftables socket in a namespace; it lasts until CloseLasting.
func (f *Fabric) nft(ns int) (*nftables.Conn, error) {
	conn, err := nftables.New(nftables.WithNetNSFd(ns), nftables.AsLasting())
	if err != nil {
		return nil, fault.Wrap(err, fault.Unsupported, "This kernel's nftables doesn't answer. It needs CONFIG_NF_TABLES.")
	}
	return conn, nil
}

// ensureTable makes a table in one batch when it is missing or was made by another version. An empty chain bears the version, so its
// presence means all of it.
func (f *Fabric) ensureTable(conn *nftables.Conn, name, version string, build func(*nftables.Table) error) error {
	there, current, err := tableVersion(conn, name, version)
	if err != nil || current {
		return err
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: name}
	if there {
		conn.DelTable(table)
	}
	conn.AddTable(table)
	conn.AddChain(&nftables.Chain{Name: version, Table: table})
	if err := build(table); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	f.writes.Add(1)
	return nil
}

func tableVersion(conn *nftables.Conn, name, version string) (there, current bool, err error) {
	if there, err = hasTable(conn, name); err != nil || !there {
		return false, false, err
	}
	chains, err := conn.ListChainsOfTableFamily(nftables.TableFamilyINet)
	if err != nil {
		return false, false, err
	}
	for _, c := range chains {
		current = current || c.Table.Name == name && c.Name == version
	}
	return there, current, nil
}

// hasTable asks for a table of the inet family; a kernel without nftables has none.
func hasTable(conn *nftables.Conn, name string) (bool, error) {
	tables, err := conn.ListTablesOfFamily(nftables.TableFamilyINet)
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return false, nil
	}
	if err != nil {
		return false, fault.Wrap(err, fault.Unsupported, "This kernel's nftables doesn't answer. It needs CONFIG_NF_TABLES.")
	}
	for _, t := range tables {
		if t.Name == name {
			return true, nil
		}
	}
	return false, nil
}

// removeTables deletes the host's tables; missing ones are no error.
func (f *Fabric) removeTables() error {
	conn, err := f.nft(int(f.rootNS))
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil // a kernel without nftables has none
	}
	if err != nil {
		return err
	}
	defer conn.CloseLasting()
	for _, name := range []string{f.names.table(), f.names.outTable()} {
		found, err := hasTable(conn, name)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		f.writes.Add(1)
		conn.DelTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: name})
		if err := conn.Flush(); err != nil {
			return fault.Wrap(err, fault.Unavailable, "The nftables table %s can't be removed.", name)
		}
	}
	return nil
}

func (f *Fabric) closePorts(conn *nftables.Conn, table *nftables.Table) {
	rules := ruleset{conn, table, conn.AddChain(&nftables.Chain{Name: "closed", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRaw})}
	rules.add(inGroup(expr.MetaKeyIIFGROUP, f.names.group), drop())
}

// ruleset adds rules to one chain.
type ruleset struct {
	conn  *nftables.Conn
	table *nftables.Table
	chain *nftables.Chain
}

// add appends a rule: every part must match.
func (r ruleset) add(parts ...[]expr.Any) {
	var all []expr.Any
	for _, p := range parts {
		all = append(all, p...)
	}
	r.conn.AddRule(&nftables.Rule{Table: r.table, Chain: r.chain, Exprs: all})
}

func drop() []expr.Any   { return []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}} }
func accept() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}} }

// inGroup matches packets whose link is of this host and closed, or a way out, as the group says.
func inGroup(key expr.MetaKey, group uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(groupMask), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(group)},
	}
}
