package control

import (
	"reflect"
	"slices"
	"strings"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// nodeViews puts what hosts report beside what the file says: nodes in the order of the file, then those that are implied.
// shown is the newest version, running the deployed one (nil without one).
func nodeViews(r *Record, shown, running *lab.Lab, sides []hostSide) []NodeView {
	statuses, order := nodeStatuses(r, running, sides)
	names := map[string]string{}
	for _, side := range sides {
		names[side.ID] = side.Name
	}
	var views []NodeView
	done := map[string]bool{}
	add := func(name string, kind lab.Kind, file *lab.Node) {
		if done[name] {
			return
		}
		done[name] = true
		status, seen := statuses[name]
		if !seen {
			status.NodeStatus = hostapi.NodeStatus{Name: name, State: hostapi.NodeAbsent}
		}
		view := NodeView{NodeStatus: status.NodeStatus, Kind: kind, Want: wantOf(r, running, file)}
		place, placed := r.Desired.Places[name]
		if placed {
			view.Host, view.Placed = names[place.HostID], place.Why
		}
		if seen && (!placed || len(status.hosts) > 1) {
			slices.Sort(status.hosts)
			view.Host = strings.Join(status.hosts, ", ")
		}
		views = append(views, view)
	}
	for _, l := range []*lab.Lab{shown, running} {
		if l == nil {
			continue
		}
		for _, n := range l.Nodes {
			add(n.Name, n.Kind, n)
		}
	}
	for _, name := range order {
		add(name, "", nil)
	}
	return views
}

// nodeStatus is what hosts report of a node. A lan has parts on several.
type nodeStatus struct {
	hostapi.NodeStatus
	hosts  []string // names
	placed bool     // one of them is a host that the lab is placed on
}

// nodeStatuses puts the hosts' reports together, with the nodes in the order in which they were met. While a node moves, the host
// where it belongs is believed. Of a segment with parts on several hosts, the part counts that is not as it should be.
func nodeStatuses(r *Record, running *lab.Lab, sides []hostSide) (map[string]nodeStatus, []string) {
	all := map[string]nodeStatus{}
	var order []string
	for _, side := range sides {
		if side.Status == nil {
			continue
		}
		for _, n := range side.Status.Nodes {
			place, placed := r.Desired.Places[n.Name]
			had, twice := all[n.Name]
			alone := nodeStatus{n, []string{side.Name}, side.Placed}
			switch {
			case !twice:
				order = append(order, n.Name)
				all[n.Name] = alone
			case had.placed && !side.Placed: // it is on its way out there
			case !had.placed && side.Placed:
				all[n.Name] = alone
			case !placed || inParts(running, n.Name):
				had.hosts = append(had.hosts, side.Name)
				if had.State == hostapi.NodeRunning {
					had.NodeStatus = n
				}
				all[n.Name] = had
			case place.HostID == side.ID:
				all[n.Name] = alone
			}
		}
	}
	return all, order
}

// inParts reports a segment that has a part on every host with a member.
func inParts(running *lab.Lab, name string) bool {
	if running == nil {
		return false
	}
	n := running.Node(name)
	return n != nil && n.Kind == lab.LAN
}

// wantOf is what a node shall be now; "" when it shall not be at all.
func wantOf(r *Record, running *lab.Lab, n *lab.Node) hostapi.RunState {
	if n == nil || running == nil || running.Node(n.Name) == nil {
		return ""
	}
	switch r.Desired.Want {
	case WantRun:
		return wantedRun(n, r.Desired.Deployment)
	case WantStop:
		return hostapi.Stopped
	}
	return ""
}

// changedNodes returns the views that differ from before.
func changedNodes(before map[string]NodeView, now []NodeView) []NodeView {
	var changed []NodeView
	for _, view := range now {
		if old, known := before[view.Name]; !known || !reflect.DeepEqual(old, view) {
			changed = append(changed, view)
		}
	}
	return changed
}
