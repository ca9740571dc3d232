package control

import (
	"reflect"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// addSegment is a switch, hub or lan with the ports that links give it.
func (c *compiler) addSegment(n *lab.Node) error {
	segment := hostapi.SegmentSpec{Name: n.Name, Kind: n.Kind}
	if n.Switch != nil {
		segment.STP = n.Switch.STP
		rest := *n.Switch
		rest.STP, rest.OpenFlow = "", nil
		if !reflect.DeepEqual(rest, lab.SwitchConfig{}) {
			segment.Switch = &rest
		}
		if n.Switch.OpenFlow != nil {
			var err error
			if segment.Controller, err = c.controllerOf(n); err != nil {
				return err
			}
		}
	}
	for _, port := range c.ports[n.Name] {
		settings := n.Interface(port)
		segment.Ports = append(segment.Ports, hostapi.SegmentPortSpec{Name: port, Access: settings.Access, Trunk: settings.Trunk, Native: settings.Native,
			STP: settings.STP, Down: settings.Down})
	}
	c.spec.Segments = append(c.spec.Segments, segment)
	return nil
}

// controllerOf is how the switch's host reaches its OpenFlow controller. Placement keeps the two on one host.
func (c *compiler) controllerOf(n *lab.Node) (*hostapi.ControllerSpec, error) {
	o := n.Switch.OpenFlow
	_, port, address, err := o.Target()
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "The controller of switch %s cannot be read.", n.Name).InField("topology.nodes." + n.Name + ".switch.openflow.controller")
	}
	spec := &hostapi.ControllerSpec{Node: c.Lab.ControllerNode(o), Port: port}
	if address.IsValid() {
		spec.Address, spec.Port = address.Addr(), address.Port()
	}
	if o.Fail == lab.FailStandalone {
		spec.Fail = o.Fail
	}
	if at := c.Deployment.Places; at[spec.Node].HostID != at[n.Name].HostID {
		return nil, fault.New(fault.Unsupported, "Switch %s and %s, by which it reaches its controller, are on two hosts. Deploy the lab anew, so that both are placed on one.", n.Name, spec.Node).
			InField("topology.nodes." + n.Name + ".switch.openflow")
	}
	return spec, nil
}

// controlledBy are groups of nodes that share a host because one reaches the other's controller, by node.
func controlledBy(l *lab.Lab) map[string][]string {
	var groups map[string][]string
	for _, n := range l.Nodes {
		if n.Switch == nil || n.Switch.OpenFlow == nil {
			continue
		}
		node := l.ControllerNode(n.Switch.OpenFlow)
		if node == "" {
			continue
		}
		if groups == nil {
			groups = map[string][]string{}
		}
		group := "the controller of " + n.Name // no name that a label may give
		groups[n.Name], groups[node] = append(groups[n.Name], group), append(groups[node], group)
	}
	return groups
}
