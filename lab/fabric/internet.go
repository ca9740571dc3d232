package fabric

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// An internet node is a named namespace: its interfaces are ports of a bridge that holds the gateway's address, its way out is a veth to
// the host's namespace. It translates the lab's addresses to that veth's, and the host translates those to its own.
const (
	insideBridge = "tl-lan"
	insideUplink = "tl-uplink"
	insideMTU    = 1500
)

// internetRecord remembers an internet node, so that a new agent run finds its namespace and keeps its uplink addresses.
type internetRecord struct {
	Lab    string       `json:"lab"`
	Node   string       `json:"node"`
	Uplink netip.Prefix `json:"uplink,omitzero"` // the namespace's side; the host's side is the address before it
}

// internet is an internet node whose DHCP and DNS this process serves.
type internet struct {
	config   insideConfig
	inode    string // identity of the namespace the sockets are in
	services []interface{ stop() }
}

// insideConfig is what the servers of an internet node are told. A change restarts them.
type insideConfig struct {
	subnet netip.Prefix
	dhcp   bool
	egress bool
}

func (in *internet) stop() {
	for _, s := range in.services {
		s.stop()
	}
}

// ensureInternets converges the internet nodes of a lab, ends those no longer wanted, and returns what can't be had, by cable.
func (f *Fabric) ensureInternets(ctx context.Context, spec hostapi.LabSpec) (map[string]string, error) {
	said := map[string]string{}
	wanted := map[string]bool{}
	for _, in := range spec.Internets {
		wanted[in.Name] = true
		cannot, err := f.ensureInternet(ctx, spec.ID, in)
		if err != nil {
			return nil, err
		}
		if !f.cfg.Egress {
			cannot = "This host gives no internet: its administrator starts it with --egress."
		}
		sayOf(said, spec, in.Name, cannot)
	}
	records, err := f.internetRecords()
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Lab == spec.ID && !wanted[r.Node] {
			if err := f.removeInternet(ctx, r); err != nil {
				return nil, err
			}
		}
	}
	return said, nil
}

// removeInternets ends every internet node of a lab.
func (f *Fabric) removeInternets(ctx context.Context, lab string) error {
	records, err := f.internetRecords()
	if err != nil {
		return err
	}
	var failed error
	for _, r := range records {
		if r.Lab == lab {
			failed = errors.Join(failed, f.removeInternet(ctx, r))
		}
	}
	return failed
}

func (f *Fabric) internetsDir() string { return filepath.Join(f.cfg.StateDir, "fabric", "internets") }

func (f *Fabric) recordPath(lab, node string) string {
	return filepath.Join(f.internetsDir(), f.names.netns(lab, node)+".json")
}

func (f *Fabric) leasePath(lab, node string) string {
	return filepath.Join(f.internetsDir(), f.names.netns(lab, node)+".leases")
}

func (f *Fabric) internetRecords() ([]internetRecord, error) {
	files, err := filepath.Glob(filepath.Join(f.internetsDir(), "*.json"))
	if err != nil {
		return nil, err
	}
	var records []internetRecord
	for _, file := range files {
		var r internetRecord
		if err := readJSON(file, &r); err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "The state file %s can't be read. Mend or remove it.", file)
		}
		records = append(records, r)
	}
	return records, nil
}

// ensureInternet makes one internet node what it shall be, and returns a sentence on what cannot be had of it. The record comes first: what it names can be found and removed after a crash.
func (f *Fabric) ensureInternet(ctx context.Context, lab string, in hostapi.InternetSpec) (cannot string, err error) {
	if !in.Subnet.IsValid() || !in.Subnet.Addr().Is4() || in.Subnet.Bits() > 30 || in.Subnet.Bits() < 8 {
		return "", fault.New(fault.Invalid, "The internet node %s needs an IPv4 gateway address with a prefix of 8 to 30 bits, such as 10.255.0.1/24.", in.Name)
	}
	record, err := f.ensureRecord(ctx, lab, in.Name)
	if err != nil {
		return "", err
	}
	n, err := f.openInternet(ctx, lab, in)
	if err != nil {
		return "", err
	}
	defer n.close()
	if err := f.ensureInside(ctx, n, in); err != nil {
		return "", err
	}
	if err := f.ensureUplink(ctx, n, record); err != nil {
		return "", err
	}
	if cannot, err = f.limitUplink(ctx, n, in.Rate); err != nil {
		return "", err
	}
	if err := f.ensureInsideRules(n, in.Subnet); err != nil {
		return "", err
	}
	return cannot, f.ensureServices(n, in)
}

// ensureRecord reads or makes the record; with egress it holds a block of four addresses that nothing else on the host uses.
func (f *Fabric) ensureRecord(ctx context.Context, lab, node string) (internetRecord, error) {
	r := internetRecord{Lab: lab, Node: node}
	path := f.recordPath(lab, node)
	if err := readJSON(path, &r); err != nil && !os.IsNotExist(err) {
		return r, fault.Wrap(err, fault.Unavailable, "The state file %s can't be read. Mend or remove it.", path)
	}
	if f.cfg.Egress && !r.Uplink.IsValid() {
		block, err := f.freeUplink(ctx, lab, node)
		if err != nil {
			return r, err
		}
		r.Uplink = block
	}
	if err := writeIfChanged(path, r); err != nil {
		return r, fault.Wrap(err, fault.Unavailable, "The state folder can't be written. Check its free space.")
	}
	return r, nil
}

// uplinkPool is a part of the range for carrier-grade NAT (RFC 6598) that nobody routes in public and few use at home.
var uplinkPool = netip.MustParsePrefix("100.127.0.0/16")

// freeUplink finds a /30 that no address and no route of the host touches and no other internet node has.
func (f *Fabric) freeUplink(ctx context.Context, lab, node string) (netip.Prefix, error) {
	taken, err := f.takenPrefixes(ctx)
	if err != nil {
		return netip.Prefix{}, err
	}
	base, blocks := uplinkPool.Addr().As4(), 1<<(30-uplinkPool.Bits())
	start := int(f.names.mac("uplink", lab, node)[4])<<8 | int(f.names.mac("uplink", lab, node)[5])
	for try := range blocks {
		index := (start + try) % blocks
		block := netip.PrefixFrom(netip.AddrFrom4([4]byte{base[0], base[1], byte(index >> 6), byte(index << 2)}), 30)
		if !slices.ContainsFunc(taken, block.Overlaps) {
			return netip.PrefixFrom(block.Addr().Next().Next(), 30), nil
		}
	}
	return netip.Prefix{}, fault.New(fault.Exhausted, "No block of %s is free for another internet node on this host. Remove a lab that has one.", uplinkPool)
}

func (f *Fabric) takenPrefixes(ctx context.Context) ([]netip.Prefix, error) {
	var taken []netip.Prefix
	records, err := f.internetRecords()
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Uplink.IsValid() {
			taken = append(taken, r.Uplink.Masked())
		}
	}
	routes, err := retried(ctx, func() ([]netlink.Route, error) { return f.root.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The routes of this host can't be listed.")
	}
	for _, r := range routes {
		if p, ok := prefixOf(r.Dst); ok && p.Bits() > 8 { // a default route covers everything and takes nothing
			taken = append(taken, p.Masked())
		}
	}
	return taken, nil
}

// openInternet opens the node's namespace, making it when it isn't there.
func (f *Fabric) openInternet(ctx context.Context, lab string, in hostapi.InternetSpec) (*nodeNS, error) {
	name := f.names.netns(lab, in.Name)
	ns, err := netns.GetFromName(name)
	if errors.Is(err, os.ErrNotExist) || err == nil && !isNamespace(ns) {
		// A file without a namespace is what an agent leaves that was killed between making the one and the other.
		if err := f.dropNamespace(name); err != nil {
			return nil, err
		}
		f.writes.Add(1)
		err = f.enter(f.rootNS, func() (err error) { ns, err = netns.NewNamed(name); return err })
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "The namespace of the internet node %s can't be made.", in.Name)
		}
	} else if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The namespace of the internet node %s can't be opened.", in.Name)
	}
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		ns.Close()
		return nil, fault.Wrap(err, fault.Unavailable, "The namespace of the internet node %s can't be opened.", in.Name)
	}
	n := &nodeNS{lab: lab, ns: ns, in: h, node: hostapi.NodeSpec{Name: in.Name}}
	for _, i := range in.Interfaces {
		n.node.Interfaces = append(n.node.Interfaces, hostapi.InterfaceSpec{Name: i, MTU: insideMTU, MAC: f.names.mac("internet", lab, in.Name, i).String()})
	}
	if err := n.refresh(ctx); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// isNamespace tells an open namespace from an open plain file.
func isNamespace(ns netns.NsHandle) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(int(ns), &fs) == nil && fs.Type == unix.NSFS_MAGIC {
		return true
	}
	ns.Close()
	return false
}

// dropNamespace removes a named namespace; a missing one is no error.
func (f *Fabric) dropNamespace(name string) error {
	path := filepath.Join("/run/netns", name)
	if _, err := os.Lstat(path); os.IsNotExist(err) {
		return nil
	}
	f.writes.Add(1)
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fault.Wrap(err, fault.Unavailable, "The namespace %s can't be removed.", name)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fault.Wrap(err, fault.Unavailable, "The namespace %s can't be removed.", name)
	}
	return nil
}

// removeInternet ends the servers, takes the way out away, then the namespace, and the record last.
func (f *Fabric) removeInternet(ctx context.Context, r internetRecord) error {
	name := f.names.netns(r.Lab, r.Node)
	if in := f.internets[name]; in != nil {
		in.stop()
		delete(f.internets, name)
	}
	if err := f.closeWayOut(ctx, r); err != nil {
		return err
	}
	link, err := linkNamed(ctx, f.root, f.names.uplink(r.Lab, r.Node))
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
	}
	if link != nil {
		if err := f.deleteLink(ctx, link); err != nil {
			return err
		}
	}
	if err := f.dropNamespace(name); err != nil {
		return err
	}
	for _, path := range []string{f.leasePath(r.Lab, r.Node), f.recordPath(r.Lab, r.Node)} {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return fault.Wrap(err, fault.Unavailable, "The state folder can't be written. Check its owner.")
		}
	}
	return nil
}

// leftoverInternets finds namespaces of this host whose lab isn't kept, or that no record names.
func (f *Fabric) leftoverInternets(ctx context.Context, keep map[string]bool) ([]leftover, error) {
	records, err := f.internetRecords()
	if err != nil {
		return nil, err
	}
	kept := map[string]bool{}
	var found []leftover
	for _, r := range records {
		if keep[r.Lab] {
			kept[f.names.netns(r.Lab, r.Node)] = true
			continue
		}
		found = append(found, leftover{"record of an internet node (" + ofLab(r.Lab, r.Node) + ")", func(ctx context.Context) error { return f.removeInternet(ctx, r) }})
	}
	files, err := os.ReadDir("/run/netns")
	if err != nil && !os.IsNotExist(err) {
		return nil, fault.Wrap(err, fault.Unavailable, "The namespaces of this host can't be listed.")
	}
	for _, file := range files {
		if name := file.Name(); strings.HasPrefix(name, f.names.netnsOfHost()) && !kept[name] {
			found = append(found, leftover{"namespace " + name, func(context.Context) error { return f.dropNamespace(name) }})
		}
	}
	rules, err := f.leftoverForwards(ctx, kept)
	return append(found, rules...), err
}
