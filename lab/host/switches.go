package host

import (
	"context"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

var _ hostapi.SwitchHost = (*Executor)(nil)

// Switch implements hostapi.SwitchHost.
func (x *Executor) Switch(ctx context.Context, labID, name string) (hostapi.SwitchView, error) {
	teller, ok := x.cfg.Fabric.(SwitchTeller)
	if !ok {
		return hostapi.SwitchView{}, fault.New(fault.Unsupported, "This compute host cannot show what its switches have learnt.")
	}
	spec := x.specOf(labID)
	if spec == nil {
		return hostapi.SwitchView{}, fault.New(fault.NotFound, "This host has no lab %s.", labID)
	}
	return teller.Switch(ctx, *spec, name)
}

// specOf is what is wanted of a lab; nil when nothing is.
func (x *Executor) specOf(labID string) *hostapi.LabSpec {
	x.mu.Lock()
	l := x.labs[labID]
	x.mu.Unlock()
	if l == nil {
		return nil
	}
	return l.desired().Spec
}
