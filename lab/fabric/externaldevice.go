package fabric

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"

	"trunkline/internal/fault"
)

// deviceRecord is how a device was before a lab was joined with it. It is written before the device is changed and removed after it was given back.
type deviceRecord struct {
	Device string `json:"device"`
	Up     bool   `json:"up"`
	IPv6   string `json:"ipv6,omitempty"` // its disable_ipv6
}

func (f *Fabric) devicesDir() string { return filepath.Join(f.cfg.StateDir, "fabric", "devices") }

func (f *Fabric) devicePath(device string) string {
	return filepath.Join(f.devicesDir(), f.names.digest(16, "device", device)+".json")
}

func ipv6Off(device string) string { return "net/ipv6/conf/" + device + "/disable_ipv6" }

// takeDevice switches a device on and this host's own IPv6 on it off, and remembers how it was.
func (f *Fabric) takeDevice(ctx context.Context, link netlink.Link) error {
	device := link.Attrs().Name
	path := f.devicePath(device)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		r := deviceRecord{Device: device, Up: link.Attrs().Flags&net.FlagUp != 0}
		if v, err := os.ReadFile("/proc/sys/" + ipv6Off(device)); err == nil {
			r.IPv6 = strings.TrimSpace(string(v))
		}
		if err := writeIfChanged(path, r); err != nil {
			return fault.Wrap(err, fault.Unavailable, "The state folder can't be written. Check its free space.")
		}
	}
	if err := f.sysctl(ipv6Off(device), "1"); err != nil && !os.IsNotExist(err) {
		return fault.Wrap(err, fault.Unavailable, "IPv6 can't be turned off on %s.", device)
	}
	return f.setUp(ctx, link, true)
}

func (f *Fabric) deviceRecords() (map[string]deviceRecord, error) {
	files, err := filepath.Glob(filepath.Join(f.devicesDir(), "*.json"))
	if err != nil {
		return nil, err
	}
	records := map[string]deviceRecord{}
	for _, file := range files {
		var r deviceRecord
		if err := readJSON(file, &r); err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "The state file %s can't be read. Mend or remove it.", file)
		}
		records[file] = r
	}
	return records, nil
}

// giveDevicesBack makes the devices that no bridge of ours has any more what they were.
func (f *Fabric) giveDevicesBack(ctx context.Context) error {
	records, err := f.deviceRecords()
	if err != nil || len(records) == 0 {
		return err
	}
	state, err := f.ovs.observe(ctx)
	if err != nil {
		return err
	}
	for file, r := range records {
		if state.bridges[f.names.outside(r.Device)] != nil {
			continue
		}
		if err := f.giveBack(ctx, file, r); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fabric) giveBack(ctx context.Context, file string, r deviceRecord) error {
	link, err := linkNamed(ctx, f.root, r.Device)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
	}
	if link != nil {
		if err := f.setUp(ctx, link, r.Up); err != nil {
			return err
		}
		if r.IPv6 != "" {
			if err := f.sysctl(ipv6Off(r.Device), r.IPv6); err != nil && !os.IsNotExist(err) {
				return fault.Wrap(err, fault.Unavailable, "IPv6 can't be made on %s what it was.", r.Device)
			}
		}
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fault.Wrap(err, fault.Unavailable, "The state folder can't be written. Check its owner.")
	}
	return nil
}

// leftoverDevices finds devices that were not given back.
func (f *Fabric) leftoverDevices(state *ovsState) ([]leftover, error) {
	records, err := f.deviceRecords()
	if err != nil {
		return nil, err
	}
	var found []leftover
	for file, r := range records {
		if state.bridges[f.names.outside(r.Device)] == nil {
			found = append(found, leftover{"interface " + r.Device + " as it was set up for labs", func(ctx context.Context) error { return f.giveBack(ctx, file, r) }})
		}
	}
	return found, nil
}
