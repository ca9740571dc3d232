package fabric

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// ensureServices starts the DHCP and DNS servers of an internet node, or starts them anew where what they serve has changed. Their sockets
// are opened inside the namespace and used from anywhere: a socket stays in the namespace it was made in.
func (f *Fabric) ensureServices(n *nodeNS, in hostapi.InternetSpec) error {
	name := f.names.netns(n.lab, in.Name)
	config := insideConfig{subnet: in.Subnet, dhcp: in.DHCP, egress: f.cfg.Egress}
	if running := f.internets[name]; running != nil {
		if running.config == config && running.inode == n.ns.UniqueId() {
			return nil
		}
		running.stop()
		delete(f.internets, name)
	}
	started := &internet{config: config, inode: n.ns.UniqueId()}
	f.writes.Add(1)
	resolver, err := f.startDNS(n, config)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The name server of the internet node %s can't be started.", in.Name)
	}
	started.services = append(started.services, resolver)
	if in.DHCP {
		server, err := f.startDHCP(n, config)
		if err != nil {
			started.stop()
			return fault.Wrap(err, fault.Unavailable, "The DHCP server of the internet node %s can't be started.", in.Name)
		}
		started.services = append(started.services, server)
	}
	f.internets[name] = started
	return nil
}

// listenInside opens the sockets of a name server in the namespace.
func (f *Fabric) listenInside(n *nodeNS, gateway netip.Addr) (packets net.PacketConn, streams net.Listener, err error) {
	at := net.JoinHostPort(gateway.String(), "53")
	err = f.enter(n.ns, func() error {
		if packets, err = net.ListenPacket("udp4", at); err != nil {
			return err
		}
		if streams, err = net.Listen("tcp4", at); err != nil {
			packets.Close()
		}
		return err
	})
	return packets, streams, err
}

// leases of one internet node on disk; a file that can't be read is an empty one: clients ask again.
func (f *Fabric) openLeases(n *nodeNS, config insideConfig) *leasePool {
	path := f.leasePath(n.lab, n.node.Name)
	pool := newLeasePool(config.subnet, func(leases []lease) error {
		if err := writeIfChanged(path, leases); err != nil {
			return fmt.Errorf("leases of %s: %w", n.node.Name, err)
		}
		return nil
	})
	var kept []lease
	if err := readJSON(path, &kept); err == nil {
		pool.restore(kept)
	} else if !os.IsNotExist(err) {
		f.log.Warn("leases could not be read, clients get new ones", "node", n.node.Name, "error", err)
	}
	return pool
}
