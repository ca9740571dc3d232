package fabric

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// carries sends a frame out of one host's node, again after a while, and waits for the same bytes at a node of another.
func carries(t *testing.T, from *farmHost, sender string, to *farmHost, receiver string, frame []byte) bool {
	t.Helper()
	in, out := to.wiretap(receiver, 2*time.Second), from.wiretap(sender, 2*time.Second)
	defer unix.Close(in)
	defer unix.Close(out)
	return waitFor(time.Minute, "", func() bool {
		if _, err := unix.Write(out, frame); err != nil {
			t.Fatal(err)
		}
		return comes(in, frame)
	}) == nil
}

// full is a frame with 1,500 bytes after its header and tags.
func full(frame []byte, tags int) []byte {
	return append(frame, make([]byte, 14+4*tags+1500-len(frame))...)
}

// back is a frame the other way: between two stations the addresses change places.
func back(frame []byte) []byte {
	frame = slices.Clone(frame)
	if frame[0]&1 == 0 {
		copy(frame, slices.Concat(frame[6:12], frame[:6]))
	} else {
		frame[10] = 2
	}
	return frame
}

func TestFramesCrossHostsByteForByte(t *testing.T) {
	f := newFarm(t, 2)
	a, b := f.hosts[0], f.hosts[1]
	wide := f.pair("wide", 5001)
	for _, h := range f.hosts {
		h.deploy(*wide[h])
	}
	a.reaches("n1", "10.0.0.2")
	all, station := "ff:ff:ff:ff:ff:ff", "02:00:00:00:02:01"
	both := map[string][]byte{
		"one tag":                       frameTo(station, 0x81, 0, 0x20, 100, 0x88, 0xb6, 1),
		"two tags (IEEE 802.1ad)":       frameTo(station, 0x88, 0xa8, 0, 200, 0x81, 0, 0x60, 100, 0x88, 0xb6, 2),
		"two tags of the one type":      frameTo(station, 0x81, 0, 0, 200, 0x81, 0, 0, 100, 0x88, 0xb6, 3),
		"a tagged broadcast":            frameTo(all, 0x81, 0, 0, 4, 0x88, 0xb6, 4),
		"a priority tag":                frameTo(station, 0x81, 0, 0xa0, 0, 0x88, 0xb6, 5),
		"1,500 bytes":                   full(frameTo(station, 0x88, 0xb6, 6), 0),
		"1,500 bytes behind a tag":      full(frameTo(station, 0x81, 0, 0, 200, 0x88, 0xb6, 7), 1),
		"a spanning tree BPDU":          frameTo("01:80:c2:00:00:00", 0, 0x26, 0x42, 0x42, 3, 0, 0),
		"LLDP":                          frameTo("01:80:c2:00:00:0e", 0x88, 0xcc, 2, 7, 4),
		"LACP":                          frameTo("01:80:c2:00:00:02", 0x88, 0x09, 1, 1),
		"the agents' type":              frameTo(reflectMAC, 0x88, 0xb5, 'T', 'L', 1, 1),
		"a frame for nobody in the lab": frameTo("02:ff:ff:ff:ff:ff", 0x88, 0xb6, 8),
	}
	bothWays := func(what string) {
		for name, frame := range both {
			t.Run(what+": "+name, func(t *testing.T) {
				if !carries(t, a, "n1", b, "n2", frame) || !carries(t, b, "n2", a, "n1", back(frame)) {
					t.Error("it was lost or changed")
				}
			})
		}
	}
	bothWays("on a cable")
	a.call("Wrap", true)
	a.wire(*wide[a])
	bothWays("on a cable from a host that wraps")
	a.call("Unwire", "wide")
	b.call("Unwire", "wide")
	for i, h := range f.hosts {
		h.nodes = map[string]*node{}
		h.deploy(meshPart("lan", 7001, f.others(h), i+1))
	}
	a.reaches("n1", "10.0.0.2")
	bothWays("on a lan, one host wraps")
	a.call("Wrap", false)
	a.wire(meshPart("lan", 7001, f.others(a), 1))
	bothWays("on a lan")
}
