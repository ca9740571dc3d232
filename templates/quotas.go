package templates

// Quotas is the page of what one may use and does use; for managers of everybody in the workspace, for administrators of the site of all workspaces.
type Quotas struct {
	Own       []QuotaBar
	Workspace []QuotaBar
	Begins    string // when running hours begin anew

	WorkspaceID  string
	SeesPeople   bool
	CanSetPeople bool
	Each         []QuotaBar // what a person may use of whom nothing else is said
	People       []QuotaHolder

	CanSetSite    bool
	ForWorkspaces []QuotaBar
	ForPeople     []QuotaBar
	Workspaces    []QuotaHolder
}

// Template names its file.
func (Quotas) Template() string { return "quotas" }

// Title of the page.
func (Quotas) Title() string { return "Quotas" }

// QuotaHolder is somebody who has limits.
type QuotaHolder struct {
	ID, Name string
	You      bool // or the workspace that is chosen
	Bars     []QuotaBar
}

// EachLimits is what is limited by default of a person in the workspace.
func (v Quotas) EachLimits() []QuotaBar { return limited(v.Each) }

// WorkspaceLimits is what is limited by default of every workspace.
func (v Quotas) WorkspaceLimits() []QuotaBar { return limited(v.ForWorkspaces) }

// PeopleLimits is what is limited by default of every person.
func (v Quotas) PeopleLimits() []QuotaBar { return limited(v.ForPeople) }

// QuotaTable is a table of holders of limits.
type QuotaTable struct {
	Of, You, Path string
	Columns       []string
	Holders       []QuotaHolder
	CanSet        bool
}

// PeopleTable is what everybody in the workspace uses.
func (v Quotas) PeopleTable() QuotaTable {
	return QuotaTable{"Person", "you", "/quotas/people/", columns(v.Own), v.People, v.CanSetPeople}
}

// SiteTable is what every workspace uses.
func (v Quotas) SiteTable() QuotaTable {
	return QuotaTable{"Workspace", "this one", "/quotas/workspaces/", columns(v.Own), v.Workspaces, v.CanSetSite}
}

func columns(bars []QuotaBar) []string {
	names := make([]string, len(bars))
	for i, b := range bars {
		names[i] = b.Name
	}
	return names
}

// limited are the bars that have a limit.
func limited(bars []QuotaBar) []QuotaBar {
	var limited []QuotaBar
	for _, b := range bars {
		if b.Limited {
			limited = append(limited, b)
		}
	}
	return limited
}

// QuotaBar is how much is used of a resource.
type QuotaBar struct {
	Resource, Name, Hint string
	Whose                string // you or workspace, where both are shown together
	Used, Limit          string
	Said                 string // what is said here itself
	Share                float64
	Limited, Near, Full  bool
	Rate                 bool // a rate is not used up
}

// Says is the bar in words.
func (b QuotaBar) Says() string {
	switch {
	case b.Rate && b.Limited:
		return b.Limit
	case b.Rate:
		return "unlimited"
	case !b.Limited:
		return b.Used + ", unlimited"
	}
	return b.Used + " of " + b.Limit
}

// QuotaForm says limits of somebody.
type QuotaForm struct {
	Path   string
	Of     string // whose
	Below  string // what counts where nothing is said
	Wide   bool   // it is about the site
	Fields []QuotaField
	Over   []string
	Error  string
}

// Template names its file.
func (QuotaForm) Template() string { return "quotaform" }

// Title of the page.
func (f QuotaForm) Title() string { return "Limits of " + f.Of }

// QuotaField is one limit as it is written, and as it was stored when the form was made.
type QuotaField struct{ Resource, Name, Hint, Value, Was, Example, Wrong string }
