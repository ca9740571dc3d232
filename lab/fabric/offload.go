package fabric

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
)

// offloads turns transmit checksum offload off on the node's interfaces when frames cross the userspace datapath, which reads them
// before a checksum was ever made: ping would work and TCP stall.
func (f *Fabric) offloads(n *nodeNS) error {
	if f.datapath() != datapathNetdev {
		return nil
	}
	return f.enter(n.ns, func() error {
		for _, spec := range n.node.Interfaces {
			if spec.Name == loopback {
				continue
			}
			if err := f.checksumInSoftware(spec.Name); err != nil {
				return fault.Wrap(err, fault.Unavailable, "Checksum offload of %s:%s can't be turned off.", n.node.Name, spec.Name)
			}
		}
		return nil
	})
}

// ethtool's legacy calls (linux/ethtool.h) cover every checksum feature at once. They take 0.1 ms where reading and changing features by
// name takes 1 ms and more for each interface.
const (
	ethtoolGetTxChecksum = 0x16
	ethtoolSetTxChecksum = 0x17
)

// ethtoolValue is struct ethtool_value.
type ethtoolValue struct{ cmd, data uint32 }

// ethtoolRequest is struct ifreq with a pointer in its union, padded to the kernel's size.
type ethtoolRequest struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte
}

// checksumInSoftware acts in the namespace of the thread it runs on.
func (f *Fabric) checksumInSoftware(iface string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	value := &ethtoolValue{cmd: ethtoolGetTxChecksum}
	if err := ethtoolCall(fd, iface, value); err != nil || value.data == 0 {
		return err
	}
	f.writes.Add(1)
	return ethtoolCall(fd, iface, &ethtoolValue{cmd: ethtoolSetTxChecksum})
}

func ethtoolCall(fd int, iface string, value *ethtoolValue) error {
	req := &ethtoolRequest{data: unsafe.Pointer(value)}
	copy(req.name[:unix.IFNAMSIZ-1], iface)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(req)))
	runtime.KeepAlive(value)
	if errno != 0 {
		return errno
	}
	return nil
}
