package templates

// Tables is what a switch has learnt.
type Tables struct {
	Why   string // why there are none, in a sentence
	Ports []TablePort
	MACs  []TableMAC
	VLANs []TableVLAN
	Tree  []TablePair // of the spanning tree; none: it speaks none
}

// Template names its file.
func (Tables) Template() string { return "tables" }

// TablePort is one port.
type TablePort struct {
	Name, Peer, Mode, Tree string
	Up                     bool
	In, Out                string
	Lost                   uint64 // dropped and broken frames
}

// TableMAC is one address.
type TableMAC struct {
	MAC, Port, Owner string
	VLAN, Age        int
}

// TableVLAN is one VLAN with its members.
type TableVLAN struct {
	VLAN             int
	Untagged, Tagged string
}

// TablePair is a name and a value.
type TablePair struct{ Name, Value string }
