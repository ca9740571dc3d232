package fabric

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
)

// watchBuffer holds the kernel's reports while a large lab comes or goes; when it overflows all devices are looked at.
const watchBuffer = 4 << 20

// watchCarriers starts the watch over the host's devices, once, and what nodes need whose carrier returns.
func (f *Fabric) watchCarriers() {
	f.watch.start(f.watchLinks)
	f.asks.start(f.askAnew)
}

// watchLinks feeds the kernel's reports to the carriers until ctx ends. A subscription that broke is made anew, and what was missed is looked up.
func (f *Fabric) watchLinks(ctx context.Context) {
	for pause := 10 * time.Millisecond; ctx.Err() == nil; pause = min(2*pause, 5*time.Second) {
		start := time.Now()
		err := f.watchOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		f.log.Warn("the kernel's reports of interfaces were lost; asking anew", "error", err)
		if time.Since(start) > time.Minute {
			pause = 10 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (f *Fabric) watchOnce(ctx context.Context) error {
	updates := make(chan netlink.LinkUpdate, 256)
	done := make(chan struct{})
	failed := make(chan error, 1)
	err := netlink.LinkSubscribeWithOptions(updates, done, netlink.LinkSubscribeOptions{
		Namespace: &f.rootNS, ReceiveBufferSize: watchBuffer, ReceiveBufferForceSize: true,
		ErrorCallback: func(err error) {
			select {
			case failed <- err:
			default:
			}
		},
	})
	if err != nil {
		return err
	}
	defer func() {
		close(done)
		for range updates { // until the subscription has ended
		}
	}()
	links, err := allLinks(ctx, f.root)
	if err != nil {
		return err
	}
	for _, l := range links {
		f.sawLink(l)
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case u, ok := <-updates:
			if !ok {
				select {
				case err := <-failed:
					return err
				default:
					return errors.New("the subscription ended")
				}
			}
			if u.Header.Type == unix.RTM_DELLINK {
				f.carriers.vanished(u.Link.Attrs().Name, u.Link.Attrs().Index)
			} else {
				f.sawLink(u.Link)
			}
		}
	}
}

func (f *Fabric) sawLink(l netlink.Link) {
	a := l.Attrs()
	f.carriers.saw(a.Name, a.Index, a.RawFlags&unix.IFF_UP != 0, a.RawFlags&unix.IFF_LOWER_UP != 0)
}

// deviceNow is whether a device of the host is on and has carrier; not ok when it is gone or can't be asked for.
func (f *Fabric) deviceNow(index int) (up, carrier, ok bool) {
	link, err := f.root.LinkByIndex(index)
	if err != nil {
		return false, false, false
	}
	flags := link.Attrs().RawFlags
	return flags&unix.IFF_UP != 0, flags&unix.IFF_LOWER_UP != 0, true
}

// switchDevice brings a device of the host up or down for the carriers.
func (f *Fabric) switchDevice(name string, index int, up bool) error {
	defer f.rcu.hurry()()
	link := &netlink.Device{LinkAttrs: netlink.LinkAttrs{Name: name, Index: index}}
	set := f.root.LinkSetDown
	if up {
		set = f.root.LinkSetUp
	}
	err := f.change(context.Background(), func() error { return set(link) })
	if err == nil || isNoLink(err) {
		return nil // gone: the kernel reports that too
	}
	return fault.Wrap(err, fault.Conflict, "The interface %s of this host can't be switched on or off.", name)
}

// remoteEnd is an end of a cable to another host, remembered for the next run of the agent: it tells its carrier before any lab is wired again.
type remoteEnd struct {
	Lab     string     `json:"lab"`
	Cable   string     `json:"cable"`
	Device  string     `json:"device,omitempty"`
	Watched bool       `json:"watched,omitempty"`
	Wanted  bool       `json:"wanted,omitempty"`
	Remote  netip.Addr `json:"remote"`
	VNI     uint32     `json:"vni"`
}

const remoteFile = "remote.json"

// keepRemote remembers the ends of a lab's cables to other hosts.
func (f *Fabric) keepRemote(lab string, ends []carrierEnd) error {
	var list []remoteEnd
	for _, e := range ends {
		if e.remote.IsValid() {
			list = append(list, remoteEnd{lab, e.key.cable, e.device, e.watched, e.wanted, e.remote, e.vni})
		}
	}
	path := filepath.Join(f.labDir(lab), remoteFile)
	var err error
	if len(list) > 0 {
		err = writeIfChanged(path, list)
	} else if err = os.Remove(path); errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The state folder can't be written. Check its free space.")
	}
	return nil
}

// restoreCarriers brings back the remembered ends of labs that have not been wired since the agent started.
func (f *Fabric) restoreCarriers(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(f.recordsDir(), "*", remoteFile))
	if err != nil {
		return err
	}
	byLab := map[string][]carrierEnd{}
	for _, file := range files {
		var list []remoteEnd
		if readJSON(file, &list) != nil {
			continue // the lab's next Wire writes it anew
		}
		for _, r := range list {
			e := carrierEnd{key: endKey{lab: r.Lab, cable: r.Cable}, device: r.Device, watched: r.Watched, wanted: r.Wanted, remote: r.Remote, vni: r.VNI}
			if r.Device == "" {
				byLab[r.Lab] = append(byLab[r.Lab], e)
				continue
			}
			link, err := linkNamed(ctx, f.root, r.Device)
			if err != nil {
				return fault.Wrap(err, fault.Unavailable, "The interfaces of this host can't be asked for.")
			}
			if link != nil && f.names.ownsGroup(link.Attrs().Group) {
				flags := link.Attrs().RawFlags
				e.index, e.up, e.own = link.Attrs().Index, flags&unix.IFF_UP != 0, flags&unix.IFF_LOWER_UP != 0
			}
			byLab[r.Lab] = append(byLab[r.Lab], e)
		}
	}
	for lab, ends := range byLab {
		if f.carriers.knows(lab) {
			continue
		}
		if err := f.carriers.install(lab, ends); err != nil {
			return err
		}
	}
	return nil
}

func (c *carriers) knows(lab string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ofLab(lab)) > 0
}

func (f *Fabric) farFile() string { return filepath.Join(f.cfg.StateDir, "fabric", "far.json") }

// keepFar remembers what peers said of their ends, so that a new run of the agent doesn't give carrier back, or take it, for a moment. It is
// called often: it writes what has changed since the turn and returns the present one.
func (f *Fabric) keepFar(turn int) int {
	kept, now := f.carriers.states(turn)
	if kept == nil {
		return now
	}
	if err := writeIfChanged(f.farFile(), kept); err != nil {
		f.log.Warn("what other hosts say of their cables can't be remembered", "error", err)
	}
	return now
}

// recallFar reads it. A damaged or missing file is none: the peers repeat what they said within a second.
func (f *Fabric) recallFar() {
	var kept map[netip.Addr]map[uint32]bool
	data, err := os.ReadFile(f.farFile())
	if err != nil || json.Unmarshal(data, &kept) != nil {
		return
	}
	f.carriers.mu.Lock()
	defer f.carriers.mu.Unlock()
	for peer, up := range kept {
		f.carriers.far[peer] = &farHost{spoke: true, up: up}
	}
}
