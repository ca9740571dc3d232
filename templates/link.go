package templates

// Link is what the page shows beside the map about one cable.
type Link struct {
	LabID, ID string
	A, B      LinkEnd
	MTU       int
	Cut       bool
	Every     string // of a flap
	Down      string
	Rows      []ImpairRow
	Presets   []LinkPreset
	State     string // "up", "down" or "off"
	CanEdit   bool
}

// Template names its file.
func (Link) Template() string { return "link" }

// Ends are both, for lists.
func (v Link) Ends() []LinkEnd { return []LinkEnd{v.A, v.B} }

// LinkEnd is one end of a cable.
type LinkEnd struct {
	Node, Interface, KindWord string
	Addresses                 []string
	Marks                     []string // what is wrong with its addresses
}

// ImpairRow is one property of a cable in both directions, as the lab file writes it.
type ImpairRow struct {
	Name, Word, Hint string
	AtoB, BtoA       string
}

// LinkPreset is an access line that people know.
type LinkPreset struct {
	Name, Word string
	Down, Up   string // towards the customer and from him: JSON, values as the lab file writes them
}
