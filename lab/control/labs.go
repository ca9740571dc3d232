package control

import (
	"context"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
	"trunkline/tenancy"
)

// find loads a lab by id or name and checks that the actor may do the verb with it. A lab of another tenant is fault.NotFound in
// the same words as a missing one.
func (c *Controller) find(ctx context.Context, actor tenancy.Actor, verb tenancy.Verb, ref string) (*Record, error) {
	if actor.IsNobody() {
		return nil, tenancy.Allow(actor, verb, tenancy.ObjectRef{})
	}
	r, err := c.cfg.Labs.Lab(ctx, actor.Scope(), ref)
	if err != nil {
		return nil, err
	}
	if err := tenancy.Allow(actor, verb, objectRef(r)); err != nil {
		return nil, err
	}
	return r, nil
}

func objectRef(r *Record) tenancy.ObjectRef {
	return tenancy.ObjectRef{Tenant: r.Tenant, Owner: r.OwnerID, Lab: r.ID, Name: "lab " + r.Name}
}

// List is every lab of the actor's tenant, by name.
func (c *Controller) List(ctx context.Context, actor tenancy.Actor) ([]LabView, error) {
	if err := tenancy.Allow(actor, tenancy.SeeLab, tenancy.ObjectRef{Tenant: actor.TenantID}); err != nil {
		return nil, err
	}
	records, err := c.cfg.Labs.Labs(ctx, actor.Scope())
	if err != nil {
		return nil, err
	}
	views := make([]LabView, len(records))
	for i, r := range records {
		c.live(r)
		views[i] = r.view()
	}
	return views, nil
}

// Get is one lab with its drawing and what each node is now.
func (c *Controller) Get(ctx context.Context, actor tenancy.Actor, ref string) (*LabDetail, error) {
	r, err := c.find(ctx, actor, tenancy.SeeLab, ref)
	if err != nil {
		return nil, err
	}
	detail, err := c.detail(ctx, r)
	return c.discreet(actor).detail(detail), err
}

func (c *Controller) detail(ctx context.Context, r *Record) (*LabDetail, error) {
	c.live(r)
	running, err := c.deployed(ctx, tenancy.InTenant(r.Tenant), r)
	if err != nil {
		return nil, err
	}
	var deployed *lab.Lab
	if running != nil {
		deployed = running.Lab
	}
	sides := c.sides(&entry{id: r.ID, record: r})
	return &LabDetail{
		LabView: r.view(), Revision: r.Revision.Number, Source: r.Revision.Source, File: r.Revision.File, Lab: r.Revision.Lab,
		Nodes: nodeViews(r, r.Revision.Lab, deployed, sides), Places: places(r.Positions, r.Revision.Lab), Files: r.Revision.Files,
	}, nil
}

// maxPosition bounds a drawing.
const maxPosition = 1e6

// Move keeps where nodes are drawn. Nodes that the lab has not are ignored.
func (c *Controller) Move(ctx context.Context, actor tenancy.Actor, ref string, positions map[string]Position) error {
	r, err := c.find(ctx, actor, tenancy.EditLab, ref)
	if err != nil {
		return err
	}
	kept := map[string]Position{}
	for name, at := range positions {
		if r.Revision.Lab.Node(name) == nil {
			continue
		}
		if !(at.X > -maxPosition && at.X < maxPosition && at.Y > -maxPosition && at.Y < maxPosition) {
			return fault.New(fault.Invalid, "Node %s would be drawn too far away. Keep it within a million units.", name)
		}
		kept[name] = at
	}
	if err := c.moveInFile(ctx, actor, r, kept); err != nil || len(kept) == 0 {
		return err
	}
	return c.cfg.States.SavePositions(ctx, actor.Scope(), r.ID, kept)
}

// moveInFile draws nodes elsewhere whose place the file says, and takes them out of the map.
func (c *Controller) moveInFile(ctx context.Context, actor tenancy.Actor, r *Record, at map[string]Position) error {
	var ops []edit.Op
	for _, n := range r.Revision.Lab.Nodes {
		p, moves := at[n.Name]
		if !moves || n.X == nil || n.Y == nil {
			continue
		}
		delete(at, n.Name)
		if *n.X != p.X || *n.Y != p.Y {
			ops = append(ops, edit.Op{Op: edit.SetPosition, Node: n.Name, At: &edit.Point{X: p.X, Y: p.Y}})
		}
	}
	if len(ops) == 0 {
		return nil
	}
	_, err := c.Edit(ctx, actor, r.ID, EditRequest{Ops: ops})
	return err
}

// WatchTenant streams the changes of the tenant's list of labs until ctx ends.
func (c *Controller) WatchTenant(ctx context.Context, actor tenancy.Actor) (<-chan Event, error) {
	if err := tenancy.Allow(actor, tenancy.SeeLab, tenancy.ObjectRef{Tenant: actor.TenantID}); err != nil {
		return nil, err
	}
	return c.hub.watch(ctx, actor.TenantID, ""), nil
}

// WatchLab streams the changes of one lab and its nodes until ctx ends.
func (c *Controller) WatchLab(ctx context.Context, actor tenancy.Actor, ref string) (<-chan Event, error) {
	r, err := c.find(ctx, actor, tenancy.SeeLab, ref)
	if err != nil {
		return nil, err
	}
	return c.discreet(actor).events(ctx, c.hub, c.hub.watch(ctx, r.Tenant, r.ID)), nil
}
