package templates

// Bulk is what the page shows beside the map about several nodes and cables: what they have in common, and what differs.
type Bulk struct {
	LabID        string
	Nodes, Links int
	Kinds        []KindEntry
	NodeFields   []BulkField
	Labels       []BulkField
	LinkFields   []BulkField
}

// Template names its file.
func (Bulk) Template() string { return "bulk" }

// BulkField is one field of all of them. What is not touched stays as it is.
type BulkField struct {
	Name, Label, Hint string
	Type              string // text, number, bool or choice
	Value             string // what all have, when Mixed does not say otherwise
	Mixed             bool
	Choices           []Choice // of a choice
}
