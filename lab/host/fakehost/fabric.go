package fakehost

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"trunkline/internal/fault"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

// Fabric remembers what is plugged and cabled.
type Fabric struct{ h *Host }

var _ host.Fabric = (*Fabric)(nil)

// Plug implements host.Fabric.
func (f *Fabric) Plug(ctx context.Context, labID string, node hostapi.NodeSpec, pid int) (status []hostapi.InterfaceStatus, err error) {
	h := f.h
	err = h.call(ctx, Call{"plug", labID, node.Name}, h.cfg.Delays.Plug, func() error {
		if !h.livesLocked(labID, node.Name, pid) {
			return fault.New(fault.Unavailable, "The node %s ended while its interfaces were made.", node.Name)
		}
		if h.plugs[labID] == nil {
			h.plugs[labID] = map[string]plug{}
		}
		h.plugs[labID][node.Name] = plug{pid, node}
		for i, n := range node.Interfaces {
			status = append(status, hostapi.InterfaceStatus{Name: n.Name, MAC: n.MAC, MTU: n.MTU, Up: true, Index: i + 2})
		}
		return nil
	})
	return status, err
}

func (h *Host) livesLocked(labID, node string, pid int) bool {
	for _, c := range h.containers {
		if c.Stamp.Lab == labID && c.Stamp.Node == node && c.PID == pid && pid > 0 {
			return true
		}
	}
	return false
}

// Wire implements host.Fabric.
func (f *Fabric) Wire(ctx context.Context, spec hostapi.LabSpec, absent map[string]bool) (host.WireReport, error) {
	h := f.h
	report := host.WireReport{Flows: 2 * len(spec.Cables)}
	err := h.call(ctx, Call{Verb: "wire", Lab: spec.ID}, h.cfg.Delays.Wire, func() error {
		w := wire{spec: spec, pids: map[string]int{}}
		for _, e := range spec.Externals {
			report.Ports += len(e.Ports)
		}
		for _, n := range spec.Nodes {
			p, there := h.plugs[spec.ID][n.Name]
			if absent[n.Name] {
				continue
			}
			if !there {
				return fault.New(fault.Unavailable, "The interfaces of node %s vanished while it was cabled.", n.Name)
			}
			w.pids[n.Name], h.cabled[p.pid] = p.pid, true
			report.Ports += len(n.Interfaces)
		}
		h.wires[spec.ID] = w
		report.Carrier = h.carriersLocked(spec.ID)
		h.carrierNewsLocked(spec.ID)
		return nil
	})
	return report, err
}

// Unwire implements host.Fabric.
func (f *Fabric) Unwire(ctx context.Context, labID string) error {
	return f.h.call(ctx, Call{Verb: "unwire", Lab: labID}, f.h.cfg.Delays.Wire, func() error {
		delete(f.h.wires, labID)
		delete(f.h.plugs, labID)
		delete(f.h.carrier.dark, labID)
		delete(f.h.traffic, labID)
		return nil
	})
}

// Labs implements host.Fabric.
func (f *Fabric) Labs(ctx context.Context) (labs []string, err error) {
	err = f.h.call(ctx, Call{Verb: "labs"}, 0, func() error {
		labs = f.h.labsLocked()
		return nil
	})
	return labs, err
}

func (h *Host) labsLocked() []string {
	labs := map[string]bool{}
	for id := range h.wires {
		labs[id] = true
	}
	for id, nodes := range h.plugs {
		if len(nodes) > 0 {
			labs[id] = true
		}
	}
	return slices.Sorted(maps.Keys(labs))
}

// Leftovers implements host.Fabric.
func (f *Fabric) Leftovers(ctx context.Context, keep map[string]bool) (left []string, err error) {
	err = f.h.call(ctx, Call{Verb: "labs"}, 0, func() error {
		for _, id := range f.h.labsLocked() {
			if !keep[id] {
				left = append(left, fmt.Sprintf("wiring of lab %s", id))
			}
		}
		return nil
	})
	return left, err
}

// Capabilities implements host.Fabric: the fake can do everything but let packets out.
func (f *Fabric) Capabilities(context.Context) (hostapi.Capabilities, []string, error) {
	return hostapi.Capabilities{KernelDatapath: true, Netem: true, RateLimit: true, CgroupVersion: 2},
		[]string{"This is a fake host: nodes are not real and send no packets."}, nil
}

// Version implements host.SwitchVersion.
func (f *Fabric) Version(context.Context) (string, error) {
	f.h.mu.Lock()
	defer f.h.mu.Unlock()
	return "fake", f.h.switchDown
}
