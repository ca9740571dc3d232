package fabric

import (
	"github.com/safchain/ethtool"

	"trunkline/internal/fault"
)

// offloads turns transmit checksum offload off on the node's interfaces when frames cross the userspace datapath, which reads them
// before a checksum was ever made: ping would work and TCP stall.
func (f *Fabric) offloads(n *nodeNS) error {
	if f.datapath() != datapathNetdev {
		return nil
	}
	return f.enter(n.ns, func() error {
		tool, err := ethtool.NewEthtool()
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "The offload settings of node %s can't be read.", n.node.Name)
		}
		defer tool.Close()
		for _, spec := range n.node.Interfaces {
			if spec.Name == loopback {
				continue
			}
			if err := f.checksumInSoftware(tool, spec.Name); err != nil {
				return fault.Wrap(err, fault.Unavailable, "Checksum offload of %s:%s can't be turned off.", n.node.Name, spec.Name)
			}
		}
		return nil
	})
}

// checksumInSoftware acts in the namespace the tool was opened in.
func (f *Fabric) checksumInSoftware(tool *ethtool.Ethtool, iface string) error {
	have, err := tool.Features(iface)
	if err != nil {
		return err
	}
	off := map[string]bool{}
	for _, feature := range []string{"tx-checksum-ip-generic", "tx-checksum-sctp"} {
		if have[feature] {
			off[feature] = false
		}
	}
	if len(off) == 0 {
		return nil
	}
	f.writes.Add(1)
	return tool.Change(iface, off)
}
