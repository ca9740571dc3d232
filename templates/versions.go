package templates

import "time"

// Versions is the dialog with the versions of a lab's file.
type Versions struct {
	LabID, LabName string
	List           []Version
	CanEdit        bool
}

// Template names its file.
func (Versions) Template() string { return "versions" }

// Version is one version in the list.
type Version struct {
	Number           int64
	At               time.Time
	Author, Words    string
	Note             string
	Nodes, Links     int
	Newest, Deployed bool
}

// VersionCompared is one version, and what lies between it and another.
type VersionCompared struct {
	LabID    string
	From, To Version
	Lines    []VersionLine
	Steps    []PlanStep
	CanEdit  bool
}

// Template names its file.
func (VersionCompared) Template() string { return "versioncompared" }

// VersionLine is one line of the difference of two texts.
type VersionLine struct {
	Sign string // " ", "-", "+" or "@" before lines that do not follow
	Text string
	Word string // for who cannot see the colour
}
