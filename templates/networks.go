package templates

// Networks is what a workspace has of identifiers and physical networks, and for administrators all that is offered.
type Networks struct {
	Workspace string
	Blocks    []Block
	VLANs     []VLAN
	Admin     bool
	Offers    []Offer
	New       Offer
}

// Template names its file.
func (Networks) Template() string { return "networks" }

// Title of the page.
func (Networks) Title() string { return "Networks" }

// Block is a range of identifiers.
type Block struct {
	First, Last       uint32
	Used, Rests, Free int
	UsedAt, RestsAt   float64 // percent
}

// VLAN is one that is offered to the workspace.
type VLAN struct {
	Network string
	VLAN    int // 0: untagged
}

// Offer is the form of one physical network. After a mistake it comes back as it was sent.
type Offer struct {
	Network string
	New     bool
	Open    bool
	Devices []OfferDevice
	VLANs   string // a line each
	Summary string
	Errors  map[string]string
}

// Template names its file.
func (Offer) Template() string { return "offerform" }

// Key tells the forms on the page apart.
func (o Offer) Key() string {
	if o.New {
		return "new"
	}
	return o.Network
}

// OfferDevice is the interface of one host that leads to the network.
type OfferDevice struct{ HostID, Host, Device string }
