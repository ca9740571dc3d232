package edit

// DiffLine is one line of a unified diff.
type DiffLine struct {
	Sign string `json:"sign"` // " ", "-", "+", or "@" before lines that do not follow the ones above
	Old  int    `json:"old,omitempty"`
	New  int    `json:"new,omitempty"`
	Text string `json:"text"`
}
