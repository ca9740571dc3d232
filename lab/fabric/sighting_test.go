package fabric

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// sightings is where marked frames were seen, by taps on every device of every host and of every node.
type sightings struct {
	mu     sync.Mutex
	places map[int64]map[string]bool // by mark: "OWNER PLACE"; the owner of a frame in a tunnel is its identifier, as "vni-7001"
	over   atomic.Bool
	ended  sync.WaitGroup
}

// at lists where a mark was seen.
func (s *sightings) at(mark int64) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.places[mark])
}

// stop ends the taps.
func (s *sightings) stop() {
	s.over.Store(true)
	s.ended.Wait()
}

// watch taps every namespace there is.
func (x *tenants) watch() *sightings {
	s := &sightings{places: map[int64]map[string]bool{}}
	for i, h := range x.hosts {
		owners := map[string]string{"wire": "underlay wire", "br-phy": "underlay br-phy"}
		n := newNamer(h.name)
		for tenant, views := range x.labs {
			owners[n.segment(tenant, "lan1")] = tenant + " segment"
			for name := range views[i].nodes {
				owners[n.hostEnd(tenant, name, "eth1")] = tenant + " port of " + name
			}
		}
		check(x.t, x.inHost(h, func() error { return s.tap(func(device string) string { return owners[device] }, h.name) }))
	}
	for tenant, views := range x.labs {
		for _, view := range views {
			for name := range view.nodes {
				check(x.t, view.in(name, func() error { return s.tap(func(string) string { return tenant + " " + name }, "") }))
			}
		}
	}
	x.t.Cleanup(s.stop)
	return s
}

// tap opens a socket on all devices of the present namespace and reads it until it is closed.
func (s *sightings) tap(owner func(device string) string, host string) error {
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	names := map[int]string{}
	for _, l := range links {
		if names[l.Attrs().Index] = owner(l.Attrs().Name); names[l.Attrs().Index] == "" {
			names[l.Attrs().Index] = "host " + l.Attrs().Name
		}
	}
	const every = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, every)
	if err != nil {
		return err
	}
	wait := unix.NsecToTimeval(100e6)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20); err != nil {
		return err
	}
	s.ended.Go(func() {
		defer unix.Close(fd)
		buf := make([]byte, 70000)
		for !s.over.Load() {
			n, from, err := unix.Recvfrom(fd, buf, 0)
			if err == unix.EAGAIN || err == unix.EINTR {
				continue
			}
			if err != nil {
				return
			}
			link, _ := from.(*unix.SockaddrLinklayer)
			place := names[link.Ifindex]
			if link.Pkttype == unix.PACKET_OUTGOING && host == "" {
				continue // a node's own
			}
			s.saw(place, host, buf[:n])
		}
	})
	return nil
}

// saw notes a frame that has a mark.
func (s *sightings) saw(place, host string, frame []byte) {
	i := bytes.Index(frame, []byte("MARK-"))
	if i < 0 || i+13 > len(frame) {
		return
	}
	mark, err := strconv.ParseInt(string(frame[i+5:i+13]), 10, 64)
	if err != nil {
		return
	}
	if host != "" {
		place += " on " + host
	}
	if isTunnel := len(frame) > 50 && binary.BigEndian.Uint16(frame[12:]) == 0x0800 && frame[23] == unix.IPPROTO_UDP && binary.BigEndian.Uint16(frame[36:]) == vxlanPort; isTunnel && bytes.HasPrefix([]byte(place), []byte("underlay")) {
		place = fmt.Sprintf("vni-%d %s", binary.BigEndian.Uint32(frame[46:])>>8, place)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places[mark] == nil {
		s.places[mark] = map[string]bool{}
	}
	s.places[mark][place] = true
}
