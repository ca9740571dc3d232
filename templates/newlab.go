package templates

// NewLab is the page with the three ways to a lab. After a mistake it comes back filled in.
type NewLab struct {
	Tab      string // "example", "upload" or "paste"
	YAML     string
	Name     string
	ImageMap string
	Examples []Example
	Error    string
	Report   *Report
	Replace  string // id of the lab whose file is replaced
	Of       string // its name
}

// Template names its file.
func (NewLab) Template() string { return "newlab" }

// Title of the page.
func (v NewLab) Title() string {
	if v.Of != "" {
		return "Replace the file of " + v.Of
	}
	return "New lab"
}

// Action is where the forms go.
func (v NewLab) Action() string {
	if v.Replace != "" {
		return "/labs/" + v.Replace + "/file"
	}
	return "/labs"
}

// Report says what became of an imported file.
type Report struct {
	LabID, LabName string // empty when it was refused
	File           string
	Mapped         []Place
	Changed        []Place
	Dropped        []Place
	Refused        []Place
}

// Template names its file.
func (Report) Template() string { return "report" }

// Title of the page.
func (r Report) Title() string { return "Import of " + r.LabName }

// Clean says that nothing needs to be read.
func (r Report) Clean() bool { return len(r.Changed)+len(r.Dropped)+len(r.Refused) == 0 }
