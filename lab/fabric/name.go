package fabric

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Names in the host's namespace are derived, so that a second agent run finds what the first one made, and hold at most 15 bytes.
const (
	hostEndPrefix   = "tl"  // host end of a node's interface, a port of the panel
	segmentPrefix   = "tls" // bridge of a switch or lan
	joinPanelPrefix = "tlp" // panel side of what joins the panel to a segment
	joinSegPrefix   = "tlq" // its segment side
	uplinkPrefix    = "tlu" // root side of an internet node's way out
	tunnelPrefix    = "tlx" // the host's VXLAN port
	meshPanelPrefix = "tlm" // panel side of what joins a segment to its part on another host
	meshSegPrefix   = "tln" // its segment side
	agentPrefix     = "tla" // panel side of the agent's own pair
	ownPrefix       = "tlb" // its other side, where the agent reads and writes
	outsidePrefix   = "tle" // bridge of a device that labs are joined with
	netnsPrefix     = "tlnet-"
	aliasScheme     = "trunkline"
	cookieSpace     = uint64(0x7472) << 48 // "tr": the upper 16 bits of every flow of ours
	groupMask       = uint32(0xfff00000)   // the bits of a link group that say which host
	closedGroup     = uint32(0x80000000)   // set: the host's own network stack takes nothing from the link; clear: a way out
)

// namer derives names and stamps from the host's identity.
type namer struct {
	host  string
	group uint32 // the host's bits of a link group, never 0
}

func newNamer(hostID string) namer {
	sum := sha256.Sum256([]byte("trunkline group\x00" + hostID))
	return namer{host: hostID, group: binary.BigEndian.Uint32(sum[:])&groupMask | closedGroup | 1<<20}
}

// digest is n hexadecimal digits that stand for the host and the parts.
func (n namer) digest(digits int, parts ...string) string {
	sum := sha256.Sum256([]byte(n.host + "\x00" + strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])[:digits]
}

func (n namer) hostEnd(lab, node, iface string) string {
	return hostEndPrefix + n.digest(10, "if", lab, node, iface)
}

func (n namer) segment(lab, name string) string {
	return segmentPrefix + n.digest(10, "segment", lab, name)
}

func (n namer) joinPanel(lab, seg, port string) string {
	return joinPanelPrefix + n.digest(10, "join", lab, seg, port)
}

func (n namer) joinSegment(lab, seg, port string) string {
	return joinSegPrefix + n.digest(10, "join", lab, seg, port)
}

func (n namer) meshPanel(lab, seg string, peer netip.Addr) string {
	return meshPanelPrefix + n.digest(10, "mesh", lab, seg, peer.String())
}

func (n namer) meshSegment(lab, seg string, peer netip.Addr) string {
	return meshSegPrefix + n.digest(10, "mesh", lab, seg, peer.String())
}

// outside names the bridge of a device that labs are joined with.
func (n namer) outside(device string) string { return outsidePrefix + n.digest(10, "outside", device) }

func (n namer) uplink(lab, node string) string {
	return uplinkPrefix + n.digest(10, "uplink", lab, node)
}

func (n namer) tunnel() string { return tunnelPrefix + n.digest(8, "tunnel") }

// netns names the namespace of an internet node; the host's part lets leftovers be told from another host's.
func (n namer) netns(lab, node string) string {
	return n.netnsOfHost() + n.digest(10, "internet", lab, node)
}

func (n namer) netnsOfHost() string { return netnsPrefix + n.digest(8, "netns") + "-" }

// table is the nftables table that keeps nodes away from the host.
func (n namer) table() string { return "trunkline_" + n.digest(8, "nft") }

// outTable is the one that lets internet nodes out.
func (n namer) outTable() string { return n.table() + "_out" }

// labGroup is the link group of everything a lab has in the root namespace. Two labs may share one: check the aliases.
func (n namer) labGroup(lab string) uint32 {
	sum := sha256.Sum256([]byte(n.host + "\x00group\x00" + lab))
	return n.group | binary.BigEndian.Uint32(sum[:])&^groupMask
}

// uplinkGroup is the link group of every way out of this host.
func (n namer) uplinkGroup() uint32 { return n.group &^ closedGroup }

// ownsGroup reports whether a link group is one of this host's.
func (n namer) ownsGroup(group uint32) bool { return group&^closedGroup&groupMask == n.uplinkGroup() }

// cookie marks the flows of a lab.
func (n namer) cookie(lab string) uint64 {
	sum := sha256.Sum256([]byte("trunkline flow\x00" + lab))
	return cookieSpace | binary.BigEndian.Uint64(sum[:])&(1<<48-1)
}

// mac is a stable locally administered address.
func (n namer) mac(parts ...string) net.HardwareAddr {
	sum := sha256.Sum256([]byte(n.host + "\x00mac\x00" + strings.Join(parts, "\x00")))
	mac := net.HardwareAddr(sum[:6])
	mac[0] = mac[0]&0xfe | 0x02
	return mac
}

// stamp is what a link's alias says: whose it is and what for.
type stamp struct{ host, lab, node, iface string }

// alias writes the stamp as trunkline/HOST/LAB/NODE/INTERFACE, each part escaped like a URL's.
func (s stamp) alias() string {
	parts := []string{aliasScheme, s.host, s.lab, s.node, s.iface}
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// parseAlias reads a stamp; ok is false for an alias that isn't one.
func parseAlias(alias string) (s stamp, ok bool) {
	parts := strings.Split(alias, "/")
	if len(parts) != 5 || parts[0] != aliasScheme {
		return stamp{}, false
	}
	for i, p := range parts {
		plain, err := url.PathUnescape(p)
		if err != nil {
			return stamp{}, false
		}
		parts[i] = plain
	}
	return stamp{parts[1], parts[2], parts[3], parts[4]}, true
}
