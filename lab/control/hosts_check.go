package control

import (
	"context"
	"maps"
	"regexp"
	"slices"

	"trunkline/internal/fault"
)

// dnsLabel is RFC 1123, 2.1, in lower case.
var dnsLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Keys and values of labels; a value may be empty.
var (
	labelKey   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
)

const (
	labelsMost     = 32
	overCommitLow  = 0.1
	overCommitHigh = 100
)

func checkHostName(name string) error {
	if !dnsLabel.MatchString(name) {
		return fault.New(fault.Invalid, "%q is no name for a host. Use up to 63 lower-case letters, digits and hyphens, with a letter or digit first and last.", name).InField("name")
	}
	return nil
}

func checkLabels(labels map[string]string) error {
	if len(labels) > labelsMost {
		return fault.New(fault.Invalid, "A host takes %d labels at most, and these are %d.", labelsMost, len(labels)).InField("labels")
	}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		switch {
		case key == "host":
			return fault.New(fault.Invalid, "The label host is the host's name already. Rename the host, or use another key.").InField("labels")
		case !labelKey.MatchString(key):
			return fault.New(fault.Invalid, "%q is no key for a label. Use up to 63 letters, digits, dots, underscores and hyphens, with a letter or digit first and last.", key).InField("labels")
		case !labelValue.MatchString(labels[key]):
			return fault.New(fault.Invalid, "%q is no value for the label %s. Use up to 63 letters, digits, dots, underscores and hyphens, with a letter or digit first and last.", labels[key], key).InField("labels")
		}
	}
	return nil
}

// check leaves the tenants to the store, which knows them.
func (h HostChange) check() error {
	if h.Name != nil {
		if err := checkHostName(*h.Name); err != nil {
			return err
		}
	}
	if h.Labels != nil {
		if err := checkLabels(*h.Labels); err != nil {
			return err
		}
	}
	if h.OverCommit != nil {
		return checkOverCommit(*h.OverCommit)
	}
	return nil
}

func checkOverCommit(o OverCommit) error {
	for _, factor := range []struct {
		name  string
		value float64
	}{{"cpu", o.CPU}, {"memory", o.Memory}} {
		if factor.value == 0 {
			continue // the usual one
		}
		if !(factor.value >= overCommitLow && factor.value <= overCommitHigh) { // a factor that is not a number is neither
			return fault.New(fault.Invalid, "The over-commit factor of %s must be between %g and %d; 1 promises what the host has.",
				factor.name, overCommitLow, overCommitHigh).InField("overCommit." + factor.name)
		}
	}
	return nil
}

// devicesByID returns an offer's devices by the ids of their hosts, which may be given by name.
func (c *Controller) devicesByID(ctx context.Context, devices map[string]string) (map[string]string, error) {
	if len(devices) == 0 {
		return nil, fault.New(fault.Invalid, "Name one host at least that has an interface on this network.").InField("devices")
	}
	byID := map[string]string{}
	for _, ref := range slices.Sorted(maps.Keys(devices)) {
		r, err := c.cfg.HostStore.HostRecord(ctx, ref)
		if fault.Is(err, fault.NotFound) {
			return nil, fault.Wrap(err, fault.Invalid, "There is no host %q. The hosts page lists those that have joined.", ref).InField("devices")
		}
		if err != nil {
			return nil, err
		}
		if other, twice := byID[r.ID]; twice && other != devices[ref] {
			return nil, fault.New(fault.Invalid, "Host %s is named twice, with %s and %s. One interface of a host carries the network.", r.Name, other, devices[ref]).InField("devices")
		}
		byID[r.ID] = devices[ref]
	}
	return byID, nil
}
