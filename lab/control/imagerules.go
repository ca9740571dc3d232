package control

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/format"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// imageRules is what decides for one workspace: an image has to be allowed by the site and by the workspace.
type imageRules struct{ site, workspace ImagePolicy }

// imageRules reads them. A scope without a tenant, of somebody who is in no workspace yet, has the site's alone.
func (c *Controller) imageRules(ctx context.Context, scope tenancy.Scope) (rules imageRules, err error) {
	if rules.site, err = c.cfg.Images.SiteImages(ctx); err != nil {
		return rules, err
	}
	if tenant, _ := scope.Tenant(); tenant != "" {
		rules.workspace, err = c.cfg.Images.TenantImages(ctx, scope)
	}
	return rules, err
}

// mapWith is the site's map, with the workspace's over it and the lab's own on top. Which entry counts, MapImage decides.
func (r imageRules) mapWith(own map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, r.site.Map)
	maps.Copy(all, r.workspace.Map)
	maps.Copy(all, own)
	return all
}

func (r imageRules) siteAllows(image string) bool {
	return len(r.site.Allow) == 0 || format.AllowsImage(r.site.Allow, image)
}

func (r imageRules) allows(image string) bool {
	return r.siteAllows(image) && (len(r.workspace.Allow) == 0 || format.AllowsImage(r.workspace.Allow, image))
}

// allowed is those of the images that may be used.
func (r imageRules) allowed(images []hostapi.Image) []hostapi.Image {
	return slices.DeleteFunc(slices.Clone(images), func(i hostapi.Image) bool { return !r.allows(i.Name) })
}

// example is an image that may be used, to say how a map is written.
func (r imageRules) example(there []hostapi.Image) string {
	if example := lab.Linux.DefaultImage(); len(there) == 0 || r.allows(example) {
		return example
	}
	return strings.TrimSuffix(there[0].Name, ":latest")
}

// check refuses a lab that wants an image which is not allowed, with a complaint for each node. Code: forbidden, since the lab file is
// right and somebody may allow it.
func (r imageRules) check(l *lab.Lab, imageMap map[string]string) error {
	var complaint *fault.Error
	for _, image := range imagesOf(l, imageMap) {
		if r.allows(image.Name) {
			continue
		}
		if complaint == nil {
			complaint = fault.New(fault.Forbidden, "%s", r.refusal(l, image)).InField("topology.nodes." + image.Nodes[0] + ".image")
		}
		for _, node := range image.Nodes {
			complaint.Details = append(complaint.Details, fault.Place{
				Field: "topology.nodes." + node + ".image", Sentence: "Image " + image.Name + " of node " + node + " is not allowed here.",
			})
		}
	}
	if complaint == nil {
		return nil
	}
	return complaint
}

// refusal names the node, the image, what is allowed and who can change that.
func (r imageRules) refusal(l *lab.Lab, image wantedImage) string {
	who, patterns, ask := "This workspace", r.workspace.Allow, "an owner of the workspace"
	if !r.siteAllows(image.Name) {
		who, patterns, ask = "This site", r.site.Allow, "an administrator of the site"
	}
	instead := ""
	node := l.Node(image.Nodes[0])
	if named := cmp.Or(node.Image, node.Kind.DefaultImage()); named != image.Name {
		instead = " (by the image map, in the place of " + named + ")"
	}
	shown := patterns[:min(len(patterns), 8)]
	return "Image " + image.Name + " of node " + some(image.Nodes) + instead + " is not allowed here. " + who + " allows " +
		strings.Join(shown, ", ") + more(len(patterns)-len(shown)) + ". Use one of those, map it to one, or ask " + ask + " to allow it."
}
