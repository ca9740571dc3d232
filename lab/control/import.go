package control

import (
	"context"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/lab/format"
	"trunkline/tenancy"
)

// Import reads files until io.EOF and stores a lab, or a new version of one with Replace. With refusals in the report the error is
// fault.Invalid with the same places as Details; over a quota it is fault.Exhausted. What a failed import had spooled is collected later.
func (c *Controller) Import(ctx context.Context, actor tenancy.Actor, request ImportRequest, files FileSource) (*LabDetail, Report, error) {
	var replaced *Record
	err := tenancy.Allow(actor, tenancy.CreateLab, tenancy.ObjectRef{Tenant: actor.TenantID})
	if request.Replace != "" {
		replaced, err = c.find(ctx, actor, tenancy.EditLab, request.Replace)
	}
	if err != nil {
		return nil, Report{}, err
	}
	if actor.TenantID == "" {
		return nil, Report{}, fault.New(fault.Forbidden, "You are not a member of a workspace yet. Ask its owner to invite you.")
	}
	charged, err := c.meterImport(ctx, actor, request, replaced)
	if err != nil {
		return nil, Report{}, err
	}
	kept := false
	defer func() { charged.end(kept) }()
	revision, report, err := c.readProject(ctx, request, meteredFiles{files, charged})
	if err = charged.cause(err); err != nil {
		return nil, report, err
	}
	if replaced != nil {
		detail, err := c.storeRevision(ctx, actor, replaced, revision)
		kept = err == nil
		return c.discreet(actor).detail(detail), report, toldTo(actor, err)
	}
	detail, err := c.storeLab(ctx, actor, request, revision)
	kept = err == nil
	return detail, report, toldTo(actor, err)
}

// Check is Import without storing.
func (c *Controller) Check(ctx context.Context, actor tenancy.Actor, request ImportRequest, files FileSource) (Report, error) {
	if err := tenancy.Allow(actor, tenancy.CreateLab, tenancy.ObjectRef{Tenant: actor.TenantID}); err != nil {
		return Report{}, err
	}
	_, report, err := c.readProject(ctx, request, files)
	return report, err
}

func (c *Controller) storeLab(ctx context.Context, actor tenancy.Actor, request ImportRequest, revision *Revision) (*LabDetail, error) {
	name := request.Name
	if name == "" {
		name = revision.Lab.Name
	}
	name, err := cleanLabName(name)
	if err != nil {
		return nil, err
	}
	now := c.cfg.Now()
	revision.AuthorID, revision.Author, revision.Words = actor.UserID, actor.UserName, "imported"
	r := &Record{
		ID: ident.New(), Tenant: actor.TenantID, Name: name, OwnerID: actor.UserID, Owner: actor.UserName,
		NodeCount: len(revision.Lab.Nodes), LinkCount: len(revision.Lab.Links), CreatedAt: now, UpdatedAt: now,
		Revision: *revision, Positions: drawn(revision), Observed: Observed{State: Stored},
	}
	if err := c.cfg.Labs.CreateLab(ctx, actor.Scope(), r); err != nil {
		return nil, err
	}
	view := r.view()
	c.hub.publish(Event{Tenant: r.Tenant, LabID: r.ID, Lab: &view})
	if err := c.record(ctx, actor, tenancy.AuditLabCreate, auditLab(r), nil, auditVersion(&r.Revision)); err != nil {
		return nil, err
	}
	return c.detail(ctx, r)
}

func (c *Controller) storeRevision(ctx context.Context, actor tenancy.Actor, r *Record, revision *Revision) (*LabDetail, error) {
	revision.AuthorID, revision.Author, revision.Words = actor.UserID, actor.UserName, "file replaced"
	if err := c.cfg.Labs.AddRevision(ctx, actor.Scope(), r.ID, revision); err != nil {
		return nil, err
	}
	if err := c.record(ctx, actor, tenancy.AuditLabChange, auditLab(r), auditVersion(&r.Revision), auditVersion(revision)); err != nil {
		return nil, err
	}
	if at := drawn(revision); len(at) > 0 {
		if err := c.cfg.States.SavePositions(ctx, actor.Scope(), r.ID, at); err != nil {
			return nil, err
		}
	}
	c.changed(r.ID)
	stored, err := c.cfg.Labs.Lab(ctx, actor.Scope(), r.ID)
	if err != nil {
		return nil, err
	}
	view := stored.view()
	c.hub.publish(Event{Tenant: stored.Tenant, LabID: stored.ID, Lab: &view})
	return c.detail(ctx, stored)
}

// drawn is where the file itself puts its nodes.
func drawn(revision *Revision) map[string]Position {
	at := map[string]Position{}
	for _, n := range revision.Lab.Nodes {
		if n.X != nil && n.Y != nil {
			at[n.Name] = Position{X: *n.X, Y: *n.Y}
		}
	}
	return at
}

// cleanLabName checks the name that people see and type.
func cleanLabName(name string) (string, error) {
	name = strings.TrimSpace(name)
	bad := func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' }
	if name == "" || utf8.RuneCountInString(name) > 63 || strings.ContainsFunc(name, bad) || !utf8.ValidString(name) {
		return "", fault.New(fault.Invalid, "A lab's name has 1 to 63 characters, without slashes and line breaks. Give it another name.").InField("name")
	}
	return name, nil
}

// readProject spools the files, finds the lab file among them and reads it.
func (c *Controller) readProject(ctx context.Context, request ImportRequest, files FileSource) (*Revision, Report, error) {
	spooled, err := c.spool(ctx, files)
	if err != nil {
		return nil, Report{}, err
	}
	spooled = withoutCommonFolder(spooled, request.File)
	paths := make([]string, len(spooled))
	for i, f := range spooled {
		paths[i] = f.Path
	}
	file := request.File
	if file == "" {
		if file, err = format.FindLabFile(paths); err != nil {
			return nil, Report{}, err
		}
	} else if file, err = cleanPath(file); err != nil {
		return nil, Report{}, err
	}
	data, err := c.readText(spooled, file)
	if err != nil {
		return nil, Report{}, err
	}
	result, err := format.Parse(format.Input{
		File: file, Data: data, Env: request.Env,
		HasFile:   func(p string) bool { return slices.Contains(paths, p) },
		ListFiles: func() []string { return paths },
		ReadFile:  func(p string) ([]byte, error) { return c.readText(spooled, p) },
	})
	report := reportOf(result, err)
	if err != nil {
		return nil, report, err
	}
	return &Revision{
		Number: 1, File: file, Source: string(data), Lab: result.Lab, Env: request.Env, ImageMap: request.ImageMap,
		Files: spooled, CreatedAt: c.cfg.Now(),
	}, report, nil
}

// readText reads one small file of the spooled project.
func (c *Controller) readText(files []ProjectFile, name string) ([]byte, error) {
	for _, f := range files {
		if f.Path != name {
			continue
		}
		if f.Size > format.MaxBytes {
			return nil, fault.New(fault.Exhausted, "%s has %d bytes; a lab file may have %d at most.", name, f.Size, format.MaxBytes)
		}
		content, _, err := c.cfg.Blobs.Open(f.SHA256)
		if err != nil {
			return nil, err
		}
		defer content.Close()
		return io.ReadAll(content)
	}
	return nil, fault.New(fault.Invalid, "There is no file %s in what was given. Say which of the files is the lab file.", name).InField("file")
}

// reportOf is the import report. A refusal's places are the error's details.
func reportOf(result *format.Result, err error) Report {
	var report Report
	if result != nil {
		report.Mapped, report.Changed, report.Dropped = lines(result.Mapped), lines(result.Changed), lines(result.Dropped)
	}
	if err != nil {
		refusal := fault.Public(err)
		report.Refused = lines(refusal.Details)
		if len(report.Refused) == 0 {
			report.Refused = []ReportLine{{fault.Place{Field: refusal.Field, Sentence: refusal.Sentence}}}
		}
	}
	return report
}

func lines(places []fault.Place) []ReportLine {
	all := make([]ReportLine, len(places))
	for i, p := range places {
		all[i] = ReportLine{p}
	}
	return all
}
