package fabric

import (
	"context"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"

	"trunkline/internal/fault"
)

// The userspace datapath reads a copy of each frame: the host's own stack sees it too. Host ends answer no ARP and have no IPv6, and
// this rule drops what is left of IPv4, so that no node reaches a service of the host by sending to a port's own hardware address.
// Ways out carry the same host bits in their link group, without the closed bit, and pass.

// ensureGuard makes the host's nftables table when it isn't there. It is made whole in one batch, so that its presence means all of it.
func (f *Fabric) ensureGuard(ctx context.Context) error {
	conn, err := f.nft()
	if err != nil {
		return err
	}
	defer conn.CloseLasting()
	found, err := hasTable(conn, nftables.TableFamilyINet, f.names.table())
	if err != nil || found {
		return err
	}
	f.writes.Add(1)
	table := conn.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: f.names.table()})
	f.closePorts(conn, table)
	f.openWaysOut(conn, table)
	if err := conn.Flush(); err != nil {
		return fault.Wrap(err, fault.Unsupported, "The firewall rules that keep nodes away from this host can't be set. The kernel needs nftables (CONFIG_NF_TABLES_INET).")
	}
	return nil
}

// nft opens a socket in the host's namespace that lasts until CloseLasting.
func (f *Fabric) nft() (*nftables.Conn, error) {
	conn, err := nftables.New(nftables.WithNetNSFd(int(f.rootNS)), nftables.AsLasting())
	if err != nil {
		return nil, fault.Wrap(err, fault.Unsupported, "This kernel's nftables doesn't answer. It needs CONFIG_NF_TABLES.")
	}
	return conn, nil
}

func hasTable(conn *nftables.Conn, family nftables.TableFamily, name string) (bool, error) {
	tables, err := conn.ListTablesOfFamily(family)
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

func (f *Fabric) closePorts(conn *nftables.Conn, table *nftables.Table) {
	chain := conn.AddChain(&nftables.Chain{Name: "closed", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityRaw})
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(f.inGroup(expr.MetaKeyIIFGROUP, f.names.group), drop())})
}

// inGroup matches frames whose link belongs to this host and is closed or open as the group says.
func (f *Fabric) inGroup(key expr.MetaKey, group uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(groupMask), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(group)},
	}
}

func drop() expr.Any   { return &expr.Verdict{Kind: expr.VerdictDrop} }
func accept() expr.Any { return &expr.Verdict{Kind: expr.VerdictAccept} }

// removeGuard deletes the host's table.
func (f *Fabric) removeGuard() error {
	conn, err := f.nft()
	if err != nil {
		return err
	}
	defer conn.CloseLasting()
	found, err := hasTable(conn, nftables.TableFamilyINet, f.names.table())
	if err != nil || !found {
		return err
	}
	f.writes.Add(1)
	conn.DelTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: f.names.table()})
	if err := conn.Flush(); err != nil {
		return fault.Wrap(err, fault.Unavailable, "%s", fmt.Sprintf("The nftables table %s can't be removed.", f.names.table()))
	}
	return nil
}
