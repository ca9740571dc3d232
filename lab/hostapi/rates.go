package hostapi

import (
	"context"
	"time"
)

// RatesHost tells what a lab carries and uses, once a second for as long as somebody asks. From 1.2 on.
type RatesHost interface {
	// Rates gives everything first and then what changed, until ctx ends. A slow reader gets the newest. Code: not_found (no such lab here).
	Rates(ctx context.Context, labID string) (<-chan Rates, error)
}

// Rates is what changed in a second on one host, or with Full everything that is not zero. What is zero now is there with zeros.
type Rates struct {
	At         time.Time                `json:"at"`
	Full       bool                     `json:"full,omitempty"`
	Interfaces map[string]InterfaceRate `json:"interfaces,omitempty"` // by node:interface
	Nodes      map[string]NodeUse       `json:"nodes,omitempty"`
}

// InterfaceRate is what an interface of a node sends and receives in a second.
type InterfaceRate struct {
	InBits    int64 `json:"in"`
	OutBits   int64 `json:"out"`
	InFrames  int64 `json:"inFrames,omitempty"`
	OutFrames int64 `json:"outFrames,omitempty"`
	Dropped   int64 `json:"dropped,omitempty"` // towards the node: its queue was full
}

// NodeUse is what a container uses.
type NodeUse struct {
	CPU    float64 `json:"cpu"` // cores, to a hundredth
	Memory int64   `json:"memory"`
}

// Since is what changed from before to now; what is gone is there with zeros.
func (now Rates) Since(before Rates) Rates {
	return Rates{At: now.At, Interfaces: changed(before.Interfaces, now.Interfaces), Nodes: changed(before.Nodes, now.Nodes)}
}

// Empty reports that nothing changed.
func (now Rates) Empty() bool { return !now.Full && len(now.Interfaces)+len(now.Nodes) == 0 }

// With is all of before with what changed; zeros are left out.
func (now Rates) With(change Rates) Rates {
	if change.Full {
		now.Interfaces, now.Nodes = nil, nil
	}
	return Rates{At: change.At, Full: true, Interfaces: merged(now.Interfaces, change.Interfaces), Nodes: merged(now.Nodes, change.Nodes)}
}

func changed[T comparable](before, now map[string]T) map[string]T {
	var all map[string]T
	set := func(key string, v T) {
		if all == nil {
			all = map[string]T{}
		}
		all[key] = v
	}
	var zero T
	for key, v := range now {
		if before[key] != v {
			set(key, v)
		}
	}
	for key, v := range before {
		if _, there := now[key]; !there && v != zero {
			set(key, zero)
		}
	}
	return all
}

func merged[T comparable](before, change map[string]T) map[string]T {
	all := make(map[string]T, len(before)+len(change))
	var zero T
	for key, v := range before {
		all[key] = v
	}
	for key, v := range change {
		if v == zero {
			delete(all, key)
		} else {
			all[key] = v
		}
	}
	return all
}

// Then is what changed, and what changed after it, as one. Zeros stay: the reader may know otherwise.
func (now Rates) Then(change Rates) Rates {
	if change.Full {
		return change
	}
	both := Rates{At: change.At, Full: now.Full, Interfaces: map[string]InterfaceRate{}, Nodes: map[string]NodeUse{}}
	for _, r := range []Rates{now, change} {
		for key, v := range r.Interfaces {
			both.Interfaces[key] = v
		}
		for key, v := range r.Nodes {
			both.Nodes[key] = v
		}
	}
	return both
}
