package fabric

import (
	"crypto/sha256"
	"net"
	"net/netip"
)

// peerMAC names a peer in the source field of a signal. An IPv4 address is in it as it is.
func peerMAC(a netip.Addr) string {
	if a = a.Unmap(); a.Is4() {
		b := a.As4()
		return net.HardwareAddr{0x02, 0x75, b[0], b[1], b[2], b[3]}.String()
	}
	sum := sha256.Sum256(a.AsSlice())
	return net.HardwareAddr{0x02, 0x76, sum[0], sum[1], sum[2], sum[3]}.String()
}

// macBytes are those of an address that this package wrote.
func macBytes(mac string) []byte {
	b, err := net.ParseMAC(mac)
	if err != nil {
		panic(err)
	}
	return b
}
