package lab

import (
	"net/netip"
	"time"
)

// LinkType is containerlab's link type, as far as we have it.
type LinkType string

const (
	VEth  LinkType = "veth"
	Dummy LinkType = "dummy" // an interface that is up and leads nowhere: only A is set
	// MgmtNet joins A to the lab's management segment: only A is set.
	MgmtNet LinkType = "mgmt-net"
)

// Link is one cable between two interfaces, or a single-ended dummy or mgmt-net.
type Link struct {
	Type   LinkType          `json:"type"`
	A      Endpoint          `json:"a"`
	B      Endpoint          `json:"b,omitzero"`
	MTU    int               `json:"mtu,omitempty"` // 0: 1500
	AtoB   Impairment        `json:"aToB,omitzero"`
	BtoA   Impairment        `json:"bToA,omitzero"`
	Cut    bool              `json:"cut,omitempty"`
	Flap   *Flap             `json:"flap,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Vars   map[string]any    `json:"vars,omitempty"`
	Line   int               `json:"-"`
}

// Flap takes the carrier of a cable away for Down out of each Every, by the clock of its host, for as long as the lab runs: a cable that
// flaps every five seconds for one is down in the first of each five seconds of the day.
type Flap struct {
	Every time.Duration `json:"every"` // 200ms to 1h
	Down  time.Duration `json:"down"`  // 50ms to Every less 50ms
}

// Endpoint is one end of a link. Addresses are applied on container nodes.
type Endpoint struct {
	Node      string         `json:"node"`
	Interface string         `json:"interface"`
	MAC       string         `json:"mac,omitempty"`
	Addresses []netip.Prefix `json:"addresses,omitempty"`
}

// ID names the cable inside its lab: it stays the same while its two ends do.
func (l *Link) ID() string {
	if l.B.Node == "" {
		return l.A.String() + " " + string(l.Type)
	}
	return l.A.String() + " " + l.B.String()
}

// String is node:interface, as in the file.
func (e Endpoint) String() string { return e.Node + ":" + e.Interface }

// Impairment is what a link does to frames in one direction. The zero value is a perfect link.
type Impairment struct {
	RateBits  int64         `json:"rate,omitempty"`      // bit/s
	Delay     time.Duration `json:"delay,omitempty"`     // one way
	Jitter    time.Duration `json:"jitter,omitempty"`    // standard deviation of Delay
	Loss      float64       `json:"loss,omitempty"`      // percent, 0 to 100
	Duplicate float64       `json:"duplicate,omitempty"` // percent
	Reorder   float64       `json:"reorder,omitempty"`   // percent; needs Delay
	Corrupt   float64       `json:"corrupt,omitempty"`   // percent
}

// IsZero reports a perfect link.
func (i Impairment) IsZero() bool { return i == Impairment{} }

// IsCut reports that nothing passes in this direction, though the cable keeps its carrier. Nothing else matters then.
func (i Impairment) IsCut() bool { return i.Loss >= 100 }

// NeedsNetem reports whether the impairment wants the kernel's netem qdisc; a rate alone does not, nor does a loss of everything.
func (i Impairment) NeedsNetem() bool { i.RateBits = 0; return !i.IsZero() && !i.IsCut() }

// NeedsRate reports whether the impairment wants a limiter of rates; one that lets nothing pass does not.
func (i Impairment) NeedsRate() bool { return i.RateBits > 0 && !i.IsCut() }
