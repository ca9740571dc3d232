package control

import (
	"reflect"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// nodeViews puts what hosts report beside what the file says: nodes in the order of the file, then those that are implied.
// shown is the newest version, running the deployed one (nil without one).
func nodeViews(r *Record, shown, running *lab.Lab, sides []hostSide) []NodeView {
	statuses := map[string]hostapi.NodeStatus{}
	hostOf := map[string]hostSide{}
	var order []string
	for _, side := range sides {
		if side.Status == nil {
			continue
		}
		for _, n := range side.Status.Nodes {
			if _, twice := statuses[n.Name]; !twice {
				order = append(order, n.Name)
			}
			statuses[n.Name], hostOf[n.Name] = n, side
		}
	}
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
			status = hostapi.NodeStatus{Name: name, State: hostapi.NodeAbsent}
		}
		view := NodeView{NodeStatus: status, Kind: kind, Want: wantOf(r, running, file)}
		if place, placed := r.Desired.Places[name]; placed {
			view.Host, view.Placed = names[place.HostID], place.Why
		} else if seen {
			view.Host = hostOf[name].Name
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
