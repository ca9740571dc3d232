package templates

// Images is the page of what nodes can be made of.
type Images struct {
	Images   []Image
	Policies []ImagePolicy // of the workspace, then of the site
}

// Template names its file.
func (Images) Template() string { return "images" }

// Title of the page.
func (Images) Title() string { return "Images" }

// Narrowed says that not every image is allowed.
func (v Images) Narrowed() bool {
	for _, p := range v.Policies {
		if len(p.Allow) > 0 {
			return true
		}
	}
	return false
}

// Image is one image that the hosts have.
type Image struct{ Name, Size, Kind string }

// ImagePolicy is what the workspace or the site says of images. After a mistake the texts are what was sent.
type ImagePolicy struct {
	Scope       string // "workspace" or "site"
	CanChange   bool
	Revision    string
	Map         []ImageMapping
	Allow       []string
	MapText     string
	AllowText   string
	MapErrors   []string
	AllowErrors []string
	Error       string // about the whole
}

// ImageMapping is one line of an image map.
type ImageMapping struct{ Pattern, Image string }

// Template names its file.
func (ImagePolicy) Template() string { return "imagepolicyform" }

// OfSite says whose it is.
func (p ImagePolicy) OfSite() bool { return p.Scope == "site" }
