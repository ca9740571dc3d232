package control

import (
	"cmp"
	"context"
	"slices"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
	"trunkline/lab/place"
	"trunkline/tenancy"
)

// DefaultOverCommit is how much more than it has a host promises when an administrator says nothing. Most nodes of a lab are idle
// most of the time; memory that is not there ends them.
var DefaultOverCommit = OverCommit{CPU: 16, Memory: 1}

// orDefault has what nobody set as it is by default.
func (o OverCommit) orDefault() OverCommit {
	return OverCommit{CPU: cmp.Or(o.CPU, DefaultOverCommit.CPU), Memory: cmp.Or(o.Memory, DefaultOverCommit.Memory)}
}

// What a host is taken to be able to carry beside CPU and memory: kernel.pid_max of a small machine, and port numbers of the panel.
const (
	hostPIDs       = 32_768
	hostInterfaces = 30_000
)

// planned is a deployment in the making.
type planned struct {
	Deployment
	Crossing []string // cables and segments that run from host to host, and want an identifier
	Notes    []string // sentences on the whole
	Quota    allowance
}

// plan makes the deployment of a record's newest version: its images, the host of each node and why. Nothing is stored or told.
// A spec that cannot be made is found here, before anything is.
func (c *Controller) plan(ctx context.Context, r *Record) (planned, error) {
	l := r.Revision.Lab
	if len(l.Nodes) == 0 {
		return planned{}, fault.New(fault.Invalid, "Lab %s has no nodes, so there is nothing to deploy. Draw or import some first.", r.Name)
	}
	rules, err := c.imageRules(ctx, tenancy.InTenant(r.Tenant))
	if err != nil {
		return planned{}, err
	}
	d := Deployment{Want: WantRun, Revision: r.Revision.Number, ImageMap: rules.mapWith(r.Revision.ImageMap)}
	if err := rules.check(l, d.ImageMap); err != nil {
		return planned{}, err
	}
	allowed, err := c.allow(ctx, r, d)
	if err != nil {
		return planned{}, err
	}
	d.EgressRate = allowed.limits.Rate(r.OwnerID)
	s, err := c.survey(ctx, r, l, d.ImageMap)
	if err != nil {
		return planned{}, err
	}
	if err := checkImages(l, d.ImageMap, s.infos, rules); err != nil {
		return planned{}, err
	}
	for _, n := range l.Nodes {
		if _, err := leadsTo(n, s.offers); err != nil {
			return planned{}, err
		}
	}
	placement, err := s.spread(l, d.ImageMap, r.Desired.Places)
	if err != nil {
		return planned{}, err
	}
	d.Places = placesOf(l, placement)
	d.GivenUp = givenUp(l, d.Places, s.hosts)
	out, err := compile(compileInput{
		LabID: r.ID, Tenant: r.Tenant, Lab: l, Files: r.Revision.Files, Deployment: d, Defaults: c.cfg.Defaults, Offers: s.offers,
	})
	return planned{Deployment: d, Crossing: out.Crossing, Notes: placement.Notes, Quota: allowed}, err
}

// survey is the compute hosts as they are this moment, as far as they matter to one lab.
type survey struct {
	hosts   []place.Candidate
	allowed []string           // ids of those that the lab's tenant may use; nil: all
	cut     []place.Pair       // hosts that do not reach each other
	infos   []hostapi.HostInfo // of those that can run something
	offers  map[string]Offer   // networks that are offered to the tenant, by name
}

// survey looks at the enrolled hosts for a lab.
func (c *Controller) survey(ctx context.Context, r *Record, l *lab.Lab, imageMap map[string]string) (survey, error) {
	records, err := c.cfg.Site.Hosts(ctx)
	if err != nil {
		return survey{}, err
	}
	given, err := c.given(ctx, r.ID)
	if err != nil {
		return survey{}, err
	}
	s := survey{cut: c.fleet.cut()}
	if s.offers, err = c.offersTo(ctx, r.Tenant); err != nil {
		return survey{}, err
	}
	images, restricted := imagesOf(l, imageMap), false
	moves := l.LostPolicy() == lab.LostMove
	for _, record := range records {
		now := c.fleet.current(record.ID)
		h := candidate(record, now, given[record.ID], r.Tenant)
		h.Lost = moves && !h.Connected && c.fleet.lostFor(record.ID) >= c.cfg.LostAfter
		if !isOutdated(now.info) {
			h.Networks = networksOf(record.ID, s.offers)
		}
		open := record.opensTo(r.Tenant)
		restricted = restricted || !open
		if open {
			s.allowed = append(s.allowed, record.ID)
		}
		if h.Connected && len(h.Problems) == 0 {
			for _, image := range images {
				if hasImage(now.info, image.Name) {
					h.Images = append(h.Images, image.Name)
				}
			}
			if open {
				s.infos = append(s.infos, now.info)
			}
		}
		s.hosts = append(s.hosts, h)
	}
	if !restricted {
		s.allowed = nil
	} else if s.allowed == nil {
		s.allowed = []string{}
	}
	return s, nil
}

// ableHosts is what the hosts that the tenant may use, and that can run something now, say of themselves.
func (c *Controller) ableHosts(ctx context.Context, tenant string) ([]hostapi.HostInfo, error) {
	records, err := c.cfg.Site.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	var infos []hostapi.HostInfo
	for _, record := range records {
		now := c.fleet.current(record.ID)
		if record.opensTo(tenant) && now.connected && now.known && !isTroubled(now.info) {
			infos = append(infos, now.info)
		}
	}
	return infos, nil
}

// opensTo reports that the tenant's labs may be placed on the host.
func (r HostRecord) opensTo(tenant string) bool {
	return len(r.Tenants) == 0 || slices.Contains(r.Tenants, tenant)
}

// candidate is a host as placement sees it. Its images are the caller's.
func candidate(record HostRecord, now hostNow, given Given, tenant string) place.Candidate {
	info, over := record.Info, record.OverCommit.orDefault()
	if now.known {
		info = now.info
	}
	h := place.Candidate{
		ID: record.ID, Name: record.Name, Labels: record.Labels, Arch: info.Arch, Connected: now.connected && now.known, Drained: record.Drained, Capabilities: info.Capabilities,
		Capacity:   place.Amount{CPU: float64(info.CPUs), Memory: info.MemoryBytes, PIDs: hostPIDs, Interfaces: hostInterfaces},
		OverCommit: place.Factors{CPU: over.CPU, Memory: over.Memory},
		InUse:      given.Amount, Labs: given.Labs, TenantLabs: given.TenantLabs[tenant],
	}
	switch {
	case isOutdated(info):
		h.Alone = "has an agent of an earlier release"
	case !info.Underlay.IsValid():
		h.Alone = "has no underlay address"
	}
	if h.Connected && isTroubled(info) {
		h.Problems = []string{problemOf(info)}
		h.Fetches = true // which images it has is not known, and what runs there stays: nothing new comes anyway
	}
	return h
}

// given is what the hosts have promised to other labs.
func (c *Controller) given(ctx context.Context, labID string) (map[string]Given, error) {
	if c.cfg.HostStore != nil {
		return c.cfg.HostStore.Given(ctx, labID)
	}
	load, err := c.cfg.Site.LabsPerHost(ctx)
	given := map[string]Given{}
	for id, labs := range load {
		given[id] = Given{Labs: labs}
	}
	return given, err
}

// spread places the lab's nodes. Those in places stay where nothing forbids it.
func (s survey) spread(l *lab.Lab, imageMap map[string]string, places map[string]Place) (place.Placement, error) {
	p := labProblem(l, imageMap, places)
	p.Hosts, p.Allowed, p.Cut = s.hosts, s.allowed, s.cut
	return place.Spread(p)
}

// placesOf keeps a placement with what each host promises.
func placesOf(l *lab.Lab, placement place.Placement) map[string]Place {
	places, ends := make(map[string]Place, len(l.Nodes)), endsOf(l)
	for _, n := range l.Nodes {
		choice := placement.Of[n.Name]
		places[n.Name] = Place{HostID: choice.HostID, Why: choice.Why, Needs: needsOf(n, ends[n.Name])}
	}
	settleMeshes(l, places)
	return places
}

// isTroubled reports a host that can run nothing now. That it could not list its images is no word on which there are.
func isTroubled(info hostapi.HostInfo) bool {
	return info.DockerVersion == "" || info.OVSVersion == "" || len(info.Images) == 0 && len(info.Problems) > 0
}

// isOutdated reports that the host's agent knows no external nodes and no labs on several hosts: it has said no underlay address either, and
// would refuse its part of such a lab.
func isOutdated(info hostapi.HostInfo) bool {
	return len(hostapi.Lacks(info.Protocol, &hostapi.LabSpec{Externals: []hostapi.ExternalSpec{{}}})) > 0
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
