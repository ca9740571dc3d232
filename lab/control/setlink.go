package control

import (
	"context"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
	"trunkline/tenancy"
)

// LinkChange is what shall be different of a link. What is not set stays as it is. Values are written as in the lab file ("20ms", "1%",
// "10mbit"); an empty text takes the impairment away.
type LinkChange struct {
	From   string `json:"from,omitempty" doc:"The end whose sending changes: a node, or node:interface. Without it both directions do"`
	Reset  bool   `json:"reset,omitempty" doc:"Make the link perfect first: no impairment, no cut, no flap"`
	Preset string `json:"preset,omitempty" doc:"fibre, dsl, 4g, wifi-lossy or satellite; From is the customer's end, else the first"`

	Rate      *string `json:"rate,omitempty"`
	Delay     *string `json:"delay,omitempty"`
	Jitter    *string `json:"jitter,omitempty"`
	Loss      *string `json:"loss,omitempty"`
	Duplicate *string `json:"duplicate,omitempty"`
	Reorder   *string `json:"reorder,omitempty"`
	Corrupt   *string `json:"corrupt,omitempty"`

	Cut  *bool       `json:"cut,omitempty" doc:"Cut the cable or mend it: both ends lose their carrier or get it back. With From nothing passes that way, and the carrier stays"`
	MTU  *int        `json:"mtu,omitempty" minimum:"0"`
	Flap *FlapChange `json:"flap,omitempty"`

	Check bool   `json:"check,omitempty" doc:"Say what would come of it and store nothing"`
	Note  string `json:"note,omitempty" maxLength:"200"`
}

// FlapChange lets a cable lose its carrier for Down out of each Every; both empty: no more.
type FlapChange struct {
	Every string `json:"every,omitempty"`
	Down  string `json:"down,omitempty"`
}

// SetLink changes one link of a lab: the file by a revision, and at once what runs. ref of the link is its id ("r1:eth1 r2:eth1"), one of its
// ends ("r1:eth1"), or the two nodes that it joins ("r1 r2") when no other link does. Codes: not_found, invalid (with the field), conflict, forbidden.
func (c *Controller) SetLink(ctx context.Context, actor tenancy.Actor, ref, link string, change LinkChange) (*EditResult, error) {
	r, err := c.find(ctx, actor, tenancy.EditLab, ref)
	if err != nil {
		return nil, err
	}
	k, err := linkOf(r.Revision.Lab, link)
	if err != nil {
		return nil, err
	}
	ops, err := change.ops(k)
	if err != nil {
		return nil, err
	}
	before := auditLink(r.Revision.Lab, k.ID())
	result, err := c.Edit(ctx, actor, r.ID, EditRequest{Ops: ops, Apply: true, Check: change.Check, Note: change.Note})
	if err != nil || change.Check || result.Words == "" { // "": it was so before
		return result, err
	}
	object := tenancy.AuditObject{Kind: "link", ID: r.ID + "/" + k.ID(), Name: k.ID() + " of " + r.Name}
	return result, c.record(ctx, actor, tenancy.AuditLinkChange, object, before, auditLink(result.Lab, k.ID()))
}

// auditLink is what the file says that a link does to frames; nil where it has none of that name.
func auditLink(l *lab.Lab, id string) any {
	if l == nil {
		return nil
	}
	for _, k := range l.Links {
		if k.ID() != id {
			continue
		}
		is := map[string]any{"cut": k.Cut}
		for way, impaired := range map[string]lab.Impairment{k.A.String() + " to " + k.B.String(): k.AtoB, k.B.String() + " to " + k.A.String(): k.BtoA} {
			if texts := impaired.Texts(); texts != nil {
				is[way] = texts
			}
		}
		if k.MTU > 0 {
			is["mtu"] = k.MTU
		}
		if k.Flap != nil {
			is["flap"] = k.Flap
		}
		return is
	}
	return nil
}

// linkOf finds the link that a person means.
func linkOf(l *lab.Lab, ref string) (*lab.Link, error) {
	words := strings.FieldsFunc(ref, func(r rune) bool { return r == ' ' || r == ',' })
	meant := func(e lab.Endpoint, word string) bool { return e.String() == word || e.Node == word }
	var found []*lab.Link
	var ids []string
	for _, k := range l.Links {
		ids = append(ids, k.ID())
		switch len(words) {
		case 1:
			if k.A.String() == words[0] || k.B.String() == words[0] {
				found = append(found, k)
			}
		case 2:
			if meant(k.A, words[0]) && meant(k.B, words[1]) || meant(k.A, words[1]) && meant(k.B, words[0]) {
				found = append(found, k)
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fault.New(fault.Invalid, "%d links join %s. Name one by an end, such as %s.", len(found), strings.Join(words, " and "), found[0].A).InField("link")
	}
	return nil, fault.New(fault.NotFound, "Lab %s has no link %q.%s A link is named by its ends, such as r1:eth1 r2:eth1.", l.Name, ref, lab.DidYouMean(ref, ids)).InField("link")
}

// ops are the edits of the file.
func (change LinkChange) ops(k *lab.Link) ([]edit.Op, error) {
	fromA, fromB := true, true
	if f := change.From; f != "" {
		fromA, fromB = f == k.A.Node || f == k.A.String(), f == k.B.Node || f == k.B.String()
		switch {
		case !fromA && !fromB:
			return nil, fault.New(fault.Invalid, "%s is no end of the link %s.", f, k.ID()).InField("from")
		case fromA && fromB:
			return nil, fault.New(fault.Invalid, "Both ends of the link are at %s. Name one, such as %s.", f, k.A).InField("from")
		}
	}
	aToB, bToA := textsOf(k.AtoB), textsOf(k.BtoA)
	fields := map[string]any{}
	if change.Reset {
		if fromA {
			aToB = map[string]any{}
		}
		if fromB {
			bToA = map[string]any{}
		}
		if change.From == "" {
			fields["cut"] = nil
		}
	}
	if err := change.preset(&aToB, &bToA, fromA, fromB); err != nil {
		return nil, err
	}
	ways := 0
	for _, way := range []struct {
		on bool
		to map[string]any
	}{{fromA, aToB}, {fromB, bToA}} {
		if way.on && change.shape(way.to) {
			ways++
		}
	}
	if ways > 0 || change.Reset || change.Preset != "" {
		fields["impair-a-to-b"], fields["impair-b-to-a"] = orNull(aToB), orNull(bToA)
	}
	if change.Cut != nil && change.From == "" {
		fields["cut"] = *change.Cut
		if !*change.Cut {
			fields["cut"] = nil
		}
	}
	if change.MTU != nil {
		if fields["mtu"] = *change.MTU; *change.MTU == 0 {
			fields["mtu"] = nil
		}
	}
	var ops []edit.Op
	if len(fields) > 0 {
		ops = append(ops, edit.Op{Op: edit.SetLink, Link: k.ID(), Fields: fields})
	}
	ops = append(ops, change.flap(k)...)
	if len(ops) == 0 {
		return nil, fault.New(fault.Invalid, "Nothing of the link is to change. Name a delay, loss, rate or another of its values.")
	}
	return ops, nil
}

// preset puts a kind of line in the place of what there is: up from the customer's end, down towards it.
func (change LinkChange) preset(aToB, bToA *map[string]any, fromA, fromB bool) error {
	if change.Preset == "" {
		return nil
	}
	p, known := lab.PresetNamed(change.Preset)
	if !known {
		return fault.New(fault.Invalid, "There is no preset %q.%s The presets are %s.", change.Preset, lab.DidYouMean(change.Preset, lab.PresetNames()), strings.Join(lab.PresetNames(), ", ")).InField("preset")
	}
	*aToB, *bToA = textsOf(p.Up), textsOf(p.Down)
	if fromB && !fromA {
		*aToB, *bToA = *bToA, *aToB
	}
	return nil
}

// shape sets one direction's values and reports whether there were any.
func (change LinkChange) shape(way map[string]any) bool {
	any := false
	for name, value := range map[string]*string{"rate": change.Rate, "delay": change.Delay, "jitter": change.Jitter, "loss": change.Loss,
		"duplicate": change.Duplicate, "reorder": change.Reorder, "corrupt": change.Corrupt} {
		if value == nil {
			continue
		}
		any = true
		if text := strings.TrimSpace(*value); text == "" || strings.Trim(text, "0%.") == "" {
			delete(way, name)
		} else {
			way[name] = text
		}
	}
	if change.From != "" && change.Cut != nil {
		any = true
		if *change.Cut {
			way["loss"] = "100%"
		} else {
			delete(way, "loss")
		}
	}
	return any
}

func (change LinkChange) flap(k *lab.Link) []edit.Op {
	switch f := change.Flap; {
	case f != nil && f.Every+f.Down != "":
		value := map[string]any{"every": f.Every, "down": f.Down}
		return []edit.Op{{Op: edit.Set, Link: k.ID(), Path: []string{"flap"}, Value: edit.Of(value)}}
	case (f != nil || change.Reset && change.From == "") && k.Flap != nil:
		return []edit.Op{{Op: edit.Set, Link: k.ID(), Path: []string{"flap"}}}
	}
	return nil
}

func orNull(m map[string]any) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

// textsOf are the values of an impairment as the file writes them, to be changed.
func textsOf(i lab.Impairment) map[string]any {
	m := map[string]any{}
	for _, t := range i.Written() {
		m[t.Name] = t.Value
	}
	return m
}
