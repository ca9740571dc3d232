package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"trunkline/lab"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

func auditLab(r *Record) tenancy.AuditObject {
	return tenancy.AuditObject{Kind: "lab", ID: r.ID, Name: r.Name}
}

// auditNode names a node so that its events are found by the lab's id as well.
func auditNode(r *Record, node string) tenancy.AuditObject {
	return tenancy.AuditObject{Kind: "node", ID: r.ID + "/" + node, Name: node + " of " + r.Name}
}

func auditHost(r HostRecord) tenancy.AuditObject {
	return tenancy.AuditObject{Kind: "host", ID: r.ID, Name: r.Name}
}

// record keeps what was done to something of a workspace, after its commit.
func (c *Controller) record(ctx context.Context, actor tenancy.Actor, verb tenancy.AuditVerb, object tenancy.AuditObject, before, after any) error {
	event := actor.AuditEvent(verb, object)
	event.Before, event.After = before, after
	return tenancy.Record(ctx, c.cfg.Audit, event)
}

// recordSite keeps what was done to something of the site.
func (c *Controller) recordSite(ctx context.Context, actor tenancy.Actor, verb tenancy.AuditVerb, object tenancy.AuditObject, before, after any) error {
	event := actor.AuditEvent(verb, object)
	event.Tenant, event.Before, event.After = "", before, after
	return tenancy.Record(ctx, c.cfg.Audit, event)
}

// versionDetail is one version of a lab's file.
type versionDetail struct {
	Revision int64  `json:"revision"`
	File     string `json:"file"`
	SHA256   string `json:"sha256"` // of the lab file
	Nodes    int    `json:"nodes"`
	Links    int    `json:"links"`
	Files    int    `json:"files,omitempty"` // of the folder
	Bytes    int64  `json:"bytes,omitempty"`
	Change   string `json:"change,omitempty"` // what was edited, in words
	Note     string `json:"note,omitempty"`
}

func auditVersion(v *Revision) versionDetail {
	sum := sha256.Sum256([]byte(v.Source))
	d := versionDetail{Revision: v.Number, File: v.File, SHA256: hex.EncodeToString(sum[:]), Files: len(v.Files), Change: v.Words, Note: v.Note}
	if v.Lab != nil {
		d.Nodes, d.Links = len(v.Lab.Nodes), len(v.Lab.Links)
	}
	for _, f := range v.Files {
		d.Bytes += f.Size
	}
	return d
}

// deployDetail is what shall run of a lab.
type deployDetail struct {
	Want     string   `json:"want"` // nothing, run, stop
	Revision int64    `json:"revision,omitempty"`
	Nodes    int      `json:"nodes,omitempty"`
	Links    int      `json:"links,omitempty"`
	Hosts    []string `json:"hosts,omitempty"`
	Steps    int      `json:"steps,omitempty"` // of the plan, without those that change nothing
}

func auditDeployment(d Deployment) deployDetail {
	detail := deployDetail{Want: string(d.Want), Revision: d.Revision}
	if d.Want == WantNothing {
		detail.Want = "nothing"
	}
	return detail
}

// recordDeploy tells which version was deployed and how much that changes. The plan is made again from what is at hand, without asking a host.
func (c *Controller) recordDeploy(ctx context.Context, actor tenancy.Actor, r *Record, before, after Deployment) error {
	if c.cfg.Audit == nil {
		return nil
	}
	var had *lab.Lab
	if before.Want != WantNothing && before.Revision == r.Revision.Number {
		had = r.Revision.Lab
	} else if before.Want != WantNothing {
		running, err := c.cfg.Labs.Revision(ctx, actor.Scope(), r.ID, before.Revision)
		if err != nil {
			c.log.Warn("The audit tells of a deploy without the size of its plan.", "lab", r.ID, "err", err)
		} else {
			had = running.Lab
		}
	}
	is := auditDeployment(after)
	is.Nodes, is.Links = len(r.Revision.Lab.Nodes), len(r.Revision.Lab.Links)
	for _, at := range after.Places {
		if name := c.hostName(at.HostID); !slices.Contains(is.Hosts, name) {
			is.Hosts = append(is.Hosts, name)
		}
	}
	slices.Sort(is.Hosts)
	for _, step := range planSteps(had, r.Revision.Lab, before, after, c.hostName) {
		if step.Verb != "keep" {
			is.Steps++
		}
	}
	return c.record(ctx, actor, tenancy.AuditLabDeploy, auditLab(r), auditDeployment(before), is)
}

// intent is what somebody wants of a lab, for the audit.
type intent struct {
	verb         tenancy.AuditVerb
	node, action string // of a node action
}

// recordIntent tells of an intent that changed something. Asking again for what is wanted already does not.
func (c *Controller) recordIntent(ctx context.Context, actor tenancy.Actor, r *Record, i intent, before, after Desired) error {
	if before.Generation == after.Generation && before.Forget == after.Forget {
		return nil
	}
	if i.verb == tenancy.AuditNodeAction {
		was, is := nodeDetail{Run: before.Nodes[i.node].Run}, nodeDetail{Action: i.action, Run: after.Nodes[i.node].Run}
		return c.record(ctx, actor, i.verb, auditNode(r, i.node), was, is)
	}
	if after.Forget && !before.Forget {
		i.verb = tenancy.AuditLabDelete
	}
	return c.record(ctx, actor, i.verb, auditLab(r), auditDeployment(before.Deployment), auditDeployment(after.Deployment))
}

// nodeDetail is what somebody asked of a node.
type nodeDetail struct {
	Action string           `json:"action,omitempty"`
	Run    hostapi.RunState `json:"run,omitempty"` // "": as the file says
}
