package fabric

import (
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
)

func TestAnAdvertisementIsWrittenAsRFC4861Says(t *testing.T) {
	got, err := advertisement(net.HardwareAddr{2, 0, 0, 0, 0, 1}, netip.MustParseAddr("fd00::1"), true)
	check(t, err)
	const address = "fd000000000000000000000000000001"
	const want = "333300000001" + "020000000001" + "86dd" + "60000000" + "0020" + "3aff" + address + "ff020000000000000000000000000001" +
		"8800" + "da9a" + "a0000000" + address + "0201" + "020000000001"
	if hex.EncodeToString(got) != want {
		t.Errorf("got  %x\nwant %s", got, want)
	}
}

// believe has r1 take others for the owners of addresses, as it would half a minute long after these are theirs no more.
func (r *rig) believe(addresses ...string) {
	r.t.Helper()
	check(r.t, r.in("r1", func() error {
		link, err := netlink.LinkByName("eth1")
		for _, a := range addresses {
			if err == nil {
				wrong := net.HardwareAddr{2, 0, 0, 0, 0, 0x99}
				err = netlink.NeighSet(&netlink.Neigh{LinkIndex: link.Attrs().Index, IP: net.ParseIP(a), HardwareAddr: wrong, State: netlink.NUD_REACHABLE})
			}
		}
		return err
	}))
}

// hasLearnt waits until r1 knows that addresses are r2's.
func (r *rig) hasLearnt(addresses ...string) {
	r.t.Helper()
	for _, a := range addresses {
		eventually(r.t, "r1 to know where "+a+" is now", func() bool { return r.neighbour("r1", "eth1", a) == "02:00:00:00:02:01" })
	}
}

func TestAnAddressIsAnnouncedByWhoGetsIt(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	r.reaches("r1", "10.0.0.2")
	r.reaches("r1", "fd00::2")
	r.believe("10.0.0.3", "fd00::3")
	at := &spec.Nodes[1].Interfaces[0]
	at.Addresses = append(at.Addresses, netip.MustParsePrefix("10.0.0.3/24"), netip.MustParsePrefix("fd00::3/64"))
	r.plug(spec)
	r.hasLearnt("10.0.0.3", "fd00::3")
}

func TestAnAddressThatMovesWithItsCableIsAnnounced(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	before := spec
	before.Cables = nil
	before.Nodes = slices.Clone(spec.Nodes)
	before.Nodes[1].Interfaces = nil
	r.start("r1", "r2")
	r.plug(before)
	r.wire(before)
	r.believe("10.0.0.2", "fd00::2")
	r.plug(spec)
	r.wire(spec)
	r.hasLearnt("10.0.0.2", "fd00::2")
}

// neighbour is the MAC address that a node takes a neighbour to have; "" when it knows of none.
func (r *rig) neighbour(node, name, address string) (mac string) {
	r.t.Helper()
	check(r.t, r.in(node, func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		list, err := netlink.NeighList(link.Attrs().Index, netlink.FAMILY_ALL)
		for _, n := range list {
			if n.IP.Equal(net.ParseIP(address)) {
				mac = n.HardwareAddr.String()
			}
		}
		return err
	}))
	return mac
}
