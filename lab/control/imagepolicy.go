package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// PolicyScope is whose image policy is meant.
type PolicyScope string

const (
	OfWorkspace PolicyScope = "workspace"
	OfSite      PolicyScope = "site"
)

// ImagePolicy is what the site or a workspace says of images. Labs that are deployed keep what they were deployed with.
type ImagePolicy struct {
	// Map puts images in the place of those that labs name: "frrouting/*" to "trunkline/router".
	Map map[string]string `json:"map" doc:"Pattern to the image that takes the place of what it fits"`
	// Allow is patterns of the images that nodes may have. Empty: of the site, any; of a workspace, what the site allows. What the
	// site does not allow no workspace can.
	Allow []string `json:"allow" doc:"Patterns of the images that nodes may have; empty is any (site) or what the site allows (workspace)"`
	// Revision names this content. Given back with a change, it is fault.Conflict when somebody else was faster.
	Revision string `json:"revision,omitempty" doc:"Of what was read; when it is given and no longer the newest, nothing is changed"`
}

// anyImage is the pattern of a site that has said nothing.
const anyImage = "*"

// What a policy may hold. Names are as Docker has them, with * in patterns.
const (
	maxPatterns   = 200
	maxImageWords = 255
)

var (
	patternForm = regexp.MustCompile(`^[A-Za-z0-9*][A-Za-z0-9*._/:@-]*$`)
	imageForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@-]*$`)
)

// Clean checks a policy and brings it into one form: no white space around entries, none twice. The complaint has the field "map"
// or "allow"; of several, each is a detail. Code: invalid.
func (p ImagePolicy) Clean() (ImagePolicy, error) {
	var wrong []fault.Place
	complain := func(field, sentence string) { wrong = append(wrong, fault.Place{Field: field, Sentence: sentence}) }
	clean := ImagePolicy{Map: map[string]string{}, Allow: []string{}}
	for _, key := range slices.Sorted(maps.Keys(p.Map)) {
		pattern, image := strings.TrimSpace(key), strings.TrimSpace(p.Map[key])
		_, twice := clean.Map[pattern]
		switch {
		case twice:
			complain("map", "The image map names "+pattern+" twice.")
		case pattern == "":
			complain("map", "Before the = of "+quoted("="+image)+" stands nothing. Write it like frrouting/*=trunkline/router.")
		case image == "":
			complain("map", "Behind the = of "+quoted(pattern+"=")+" stands nothing. Write it like frrouting/*=trunkline/router.")
		case strings.Contains(image, "*"):
			complain("map", quoted(image)+" cannot take the place of "+pattern+": it has to be one image, without *.")
		case !imageForm.MatchString(image) || len(image) > maxImageWords || unfinished(image):
			complain("map", quoted(shortened(image))+" is no name of an image. Write it like trunkline/router or trunkline/router:v2.")
		default:
			if sentence := patternTrouble(pattern); sentence != "" {
				complain("map", sentence)
			}
		}
		clean.Map[pattern] = image
	}
	for _, pattern := range p.Allow {
		if pattern = strings.TrimSpace(pattern); slices.Contains(clean.Allow, pattern) {
			continue
		}
		if sentence := patternTrouble(pattern); sentence != "" {
			complain("allow", sentence)
		}
		clean.Allow = append(clean.Allow, pattern)
	}
	if len(p.Map) > maxPatterns {
		complain("map", "The image map may have 200 entries.")
	}
	if len(p.Allow) > maxPatterns {
		complain("allow", "The images that are allowed may be 200 patterns.")
	}
	if len(wrong) == 0 {
		return clean, nil
	}
	problem := fault.New(fault.Invalid, "%s", wrong[0].Sentence).InField(wrong[0].Field)
	if len(wrong) > 1 {
		problem.Details = wrong
	}
	return clean, problem
}

// patternTrouble says what is wrong with a pattern, or "".
func patternTrouble(pattern string) string {
	switch {
	case pattern == "":
		return "A pattern is empty. Write it like trunkline/*, or * for any image."
	case !patternForm.MatchString(pattern) || len(pattern) > maxImageWords:
		return quoted(shortened(pattern)) + " is no pattern of images: letters, digits, and . _ / : @ - with * for anything. Write it like trunkline/*."
	case unfinished(pattern):
		return quoted(pattern) + " fits no image, since no name ends like that. Did you mean " + pattern + "*?"
	}
	return ""
}

func unfinished(name string) bool { return strings.ContainsAny(name[len(name)-1:], "/:@") }

func quoted(text string) string { return "“" + text + "”" }

func shortened(text string) string {
	if letters := []rune(text); len(letters) > 80 {
		return string(letters[:80]) + "…"
	}
	return text
}

// stamped gives the policy the name of its content and no nil.
func (p ImagePolicy) stamped() (ImagePolicy, error) {
	if p.Map == nil {
		p.Map = map[string]string{}
	}
	if p.Allow == nil {
		p.Allow = []string{}
	}
	p.Revision = ""
	text, err := json.Marshal(p) // maps are written in the order of their keys
	if err != nil {
		return p, fault.Wrap(err, fault.Internal, "The images' settings could not be named.")
	}
	sum := sha256.Sum256(text)
	p.Revision = hex.EncodeToString(sum[:6])
	return p, nil
}

// ImagePolicy is what the site or the actor's workspace says of images.
func (c *Controller) ImagePolicy(ctx context.Context, actor tenancy.Actor, scope PolicyScope) (ImagePolicy, error) {
	if err := tenancy.Allow(actor, tenancy.SeeImages, tenancy.ObjectRef{Tenant: actor.TenantID}); err != nil {
		return ImagePolicy{}, err
	}
	var policy ImagePolicy
	var err error
	switch scope {
	case OfSite:
		policy, err = c.cfg.Images.SiteImages(ctx)
	case OfWorkspace:
		policy, err = c.cfg.Images.TenantImages(ctx, actor.Scope())
	default:
		err = noPolicyScope(scope)
	}
	if err != nil {
		return ImagePolicy{}, err
	}
	return policy.stamped()
}

// SetImagePolicy replaces what the site (by its administrators) or the actor's workspace (by its owners) says of images, and returns
// what is stored. Codes: invalid, forbidden, conflict when policy.Revision is no longer the newest.
func (c *Controller) SetImagePolicy(ctx context.Context, actor tenancy.Actor, scope PolicyScope, policy ImagePolicy) (ImagePolicy, error) {
	verb, object := tenancy.ManageTenant, tenancy.ObjectRef{Tenant: actor.TenantID}
	if scope == OfSite {
		verb, object = tenancy.ManageSite, tenancy.ObjectRef{}
	}
	if err := tenancy.Allow(actor, verb, object); err != nil {
		return ImagePolicy{}, err
	}
	clean, err := policy.Clean()
	if err != nil {
		return ImagePolicy{}, err
	}
	var before ImagePolicy
	change := func(stored *ImagePolicy) error {
		before = *stored
		now, err := stored.stamped()
		if err == nil && policy.Revision != "" && policy.Revision != now.Revision {
			err = fault.New(fault.Conflict, "Somebody else changed these settings meanwhile. Look at them and make your change again.")
		}
		*stored = clean
		return err
	}
	switch scope {
	case OfSite:
		err = c.cfg.Images.ChangeSiteImages(ctx, change)
	case OfWorkspace:
		err = c.cfg.Images.ChangeTenantImages(ctx, actor.Scope(), change)
	default:
		err = noPolicyScope(scope)
	}
	if err != nil {
		return ImagePolicy{}, err
	}
	c.log.Info("The images' settings were changed.", "scope", string(scope), "user", actor.UserID, "tenant", actor.TenantID)
	record := c.record
	if scope == OfSite {
		record = c.recordSite
	}
	if err := record(ctx, actor, tenancy.AuditImagesChange, tenancy.AuditObject{Kind: "images", Name: "of the " + string(scope)}, before, clean); err != nil {
		return ImagePolicy{}, err
	}
	return clean.stamped()
}

func noPolicyScope(scope PolicyScope) error {
	return fault.New(fault.Invalid, "There are no image settings of %q. Use workspace or site.", string(scope)).InField("scope")
}

// Images is what the connected hosts that the actor's workspace may use have, and the actor's workspace may use.
func (c *Controller) Images(ctx context.Context, actor tenancy.Actor) ([]hostapi.Image, error) {
	if err := tenancy.Allow(actor, tenancy.SeeImages, tenancy.ObjectRef{Tenant: actor.TenantID}); err != nil {
		return nil, err
	}
	rules, err := c.imageRules(ctx, actor.Scope())
	if err != nil {
		return nil, err
	}
	infos, err := c.ableHosts(ctx, actor.TenantID)
	if err != nil {
		return nil, err
	}
	return rules.allowed(imagesOn(infos)), nil
}
