package control

import (
	"context"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
	"trunkline/lab/place"
	"trunkline/tenancy"
)

// The label that lets a lab run where the kernel cannot do its impairments.
const (
	impairmentsLabel = "trunkline.impairments"
	bestEffort       = "best-effort"
)

// plan makes the deployment of a record's newest version: its images, its host and why. Nothing is stored or told.
// A spec that cannot be made is found here, before anything is.
func (c *Controller) plan(ctx context.Context, r *Record) (Deployment, error) {
	if len(r.Revision.Lab.Nodes) == 0 {
		return Deployment{}, fault.New(fault.Invalid, "Lab %s has no nodes, so there is nothing to deploy. Draw or import some first.", r.Name)
	}
	rules, err := c.imageRules(ctx, tenancy.InTenant(r.Tenant))
	if err != nil {
		return Deployment{}, err
	}
	d := Deployment{Want: WantRun, Revision: r.Revision.Number, ImageMap: rules.mapWith(r.Revision.ImageMap)}
	if err := rules.check(r.Revision.Lab, d.ImageMap); err != nil {
		return Deployment{}, err
	}
	c.fleet.awaitUsable(ctx, firstHost)
	hosts, infos, err := c.candidates(ctx)
	if err != nil {
		return Deployment{}, err
	}
	if err := checkImages(r.Revision.Lab, d.ImageMap, infos, rules); err != nil {
		return Deployment{}, err
	}
	choice, err := place.Choose(needOf(r.Revision.Lab, d.ImageMap), hosts)
	if err != nil {
		return Deployment{}, err
	}
	d.GivenUp = choice.GivenUp
	d.Places = map[string]Place{}
	for _, n := range r.Revision.Lab.Nodes {
		d.Places[n.Name] = Place{HostID: choice.HostID, Why: choice.Why}
	}
	_, err = compile(compileInput{
		LabID: r.ID, Tenant: r.Tenant, Lab: r.Revision.Lab, Files: r.Revision.Files, Deployment: d, Defaults: c.cfg.Defaults,
	})
	return d, err
}

// candidates are the enrolled hosts as placement sees them, and what those that can run something say of themselves.
func (c *Controller) candidates(ctx context.Context) ([]place.Host, []hostapi.HostInfo, error) {
	records, err := c.cfg.Site.Hosts(ctx)
	if err != nil {
		return nil, nil, err
	}
	load, err := c.cfg.Site.LabsPerHost(ctx)
	if err != nil {
		return nil, nil, err
	}
	var hosts []place.Host
	var infos []hostapi.HostInfo
	for _, record := range records {
		now := c.fleet.current(record.ID)
		host := place.Host{ID: record.ID, Name: record.Name, Connected: now.connected && now.known, Labs: load[record.ID]}
		if host.Connected {
			info := now.info
			host.Capabilities = info.Capabilities
			host.HasImage = func(name string) bool { return hasImage(info, name) }
			if isTroubled(info) {
				host.Problems, host.HasImage = []string{problemOf(info)}, nil
			} else {
				infos = append(infos, info)
			}
		}
		hosts = append(hosts, host)
	}
	return hosts, infos, nil
}

// isTroubled reports a host that can run nothing now. That it could not list its images is no word on which there are.
func isTroubled(info hostapi.HostInfo) bool {
	return info.DockerVersion == "" || info.OVSVersion == "" || len(info.Images) == 0 && len(info.Problems) > 0
}

// problemOf is the sentence for a host that can run nothing.
func problemOf(info hostapi.HostInfo) string {
	switch {
	case len(info.Problems) > 0:
		return info.Problems[0]
	case info.DockerVersion == "":
		return "Docker does not answer."
	}
	return "Open vSwitch does not answer."
}

// checkImages refuses a lab whose image is on no connected host, with a complaint for each node that wants it.
func checkImages(l *lab.Lab, imageMap map[string]string, infos []hostapi.HostInfo, rules imageRules) error {
	if len(infos) == 0 {
		return nil // placement says that no host is connected
	}
	there := rules.allowed(imagesOn(infos)) // what a tenant may not use is not told
	var complaint *fault.Error
	for _, image := range imagesOf(l, imageMap) {
		found := false
		for _, info := range infos {
			found = found || hasImage(info, image.Name)
		}
		if found {
			continue
		}
		if complaint == nil {
			complaint = fault.New(fault.Invalid, "Image %s of node %s is on no compute host, and images are not pulled. %s Build or load it, or give an image map such as '%s=%s'.",
				image.Name, some(image.Nodes), imageWords(image.Name, there), image.Name, rules.example(there)).InField("topology.nodes." + image.Nodes[0] + ".image")
		}
		for _, node := range image.Nodes {
			complaint.Details = append(complaint.Details, fault.Place{
				Field: "topology.nodes." + node + ".image", Sentence: "Image " + image.Name + " of node " + node + " is on no compute host.",
			})
		}
	}
	if complaint == nil {
		return nil
	}
	return complaint
}

// needOf is what the lab wants of a host.
func needOf(l *lab.Lab, imageMap map[string]string) place.Need {
	need := place.Need{Images: imagesOf(l, imageMap), Nodes: len(l.Nodes)}
	for _, k := range l.Links {
		name := k.A.String() + " – " + k.B.String()
		switch {
		case k.AtoB.NeedsNetem() || k.BtoA.NeedsNetem():
			need.Netem = append(need.Netem, name)
		case !k.AtoB.IsZero() || !k.BtoA.IsZero():
			need.Rate = append(need.Rate, name)
		}
		need.BestEffort = need.BestEffort || k.Labels[impairmentsLabel] == bestEffort
	}
	for _, n := range l.Nodes {
		if n.Egress || n.Kind == lab.Internet {
			need.Egress = append(need.Egress, n.Name)
		}
		need.BestEffort = need.BestEffort || n.Labels[impairmentsLabel] == bestEffort
	}
	return need
}
