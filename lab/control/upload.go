package control

import (
	"context"
	"io"
	"time"

	"trunkline/tenancy"
)

// meter charges a person for what is uploaded, before it is passed on. A person without quota has a nil one, which passes everything on.
type meter struct {
	c      *Controller
	ctx    context.Context
	scope  tenancy.Scope
	person tenancy.Whose
	reader string // who reads a refusal
	room   int64  // bytes that may be kept of the disk quota; -1: no limit
	full   error  // what to say when there is no more room

	leases []tenancy.UploadLease
	left   int64 // charged and not passed on yet
	passed int64
	err    error // why it was cut off
}

// uploadStep is how many bytes are charged at once when nobody says how many come.
const uploadStep = 1 << 20

// giveBackTimeout bounds giving back after the request has gone.
const giveBackTimeout = 10 * time.Second

// meter begins an upload into a tenant.
func (c *Controller) meter(ctx context.Context, actor tenancy.Actor, tenant string, person tenancy.Whose) *meter {
	if c.cfg.Quotas == nil {
		return nil
	}
	return &meter{c: c, ctx: ctx, scope: tenancy.InTenant(tenant), person: person, reader: actor.UserID, room: -1}
}

// uploader is who is charged for an upload into a lab: whoever sends it, or the lab's owner for a guest.
func uploader(actor tenancy.Actor, r *Record) tenancy.Whose {
	if actor.OnlyGuest() {
		return ownerOf(r)
	}
	return tenancy.Whose{UserID: actor.UserID, Name: actor.UserName}
}

// take charges for so many bytes, or refuses. size below 0 is not known: nothing is charged yet, and only a limit that is reached already refuses.
func (m *meter) take(size int64) error {
	if m == nil || size == 0 {
		return nil
	}
	least, most := size, size
	if size < 0 {
		least, most = 1, uploadStep
	}
	return m.charge(least, most)
}

func (m *meter) charge(least, most int64) error {
	lease, err := m.c.cfg.Quotas.TakeUpload(m.ctx, m.scope, m.person, least, most)
	if err != nil {
		m.err = toldTo(tenancy.Actor{UserID: m.reader}, err)
		return m.err
	}
	m.leases, m.left = append(m.leases, lease), m.left+lease.Bytes
	return nil
}

// read is content that is charged for as it is read, and cut off where the limit is.
func (m *meter) read(content io.Reader) io.Reader {
	if m == nil {
		return content
	}
	return meteredReader{m, content}
}

type meteredReader struct {
	*meter
	content io.Reader
}

func (r meteredReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return r.content.Read(p)
	}
	if r.err != nil {
		return 0, r.err
	}
	most := int64(len(p))
	if r.left > 0 {
		most = min(most, r.left)
	} else {
		most = 1 // whether there is another byte is known before it is charged for
	}
	n, err := r.content.Read(p[:most])
	if n > 0 && r.left == 0 {
		if err := r.charge(1, uploadStep); err != nil {
			return 0, err
		}
	}
	if r.room >= 0 && r.passed+int64(n) > r.room {
		r.meter.err = r.full
		return 0, r.full
	}
	r.meter.left -= int64(n)
	r.meter.passed += int64(n)
	return n, err
}

// cause is why the upload was cut off, or else what came of it.
func (m *meter) cause(err error) error {
	if m != nil && m.err != nil {
		return m.err
	}
	return err
}

// end gives back what was charged for and did not come, and everything when nothing of it is kept.
func (m *meter) end(kept bool) {
	if m == nil {
		return
	}
	back := m.left
	if !kept {
		back += m.passed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.ctx), giveBackTimeout)
	defer cancel()
	for i := len(m.leases) - 1; i >= 0 && back > 0; i-- {
		lease := m.leases[i]
		lease.Bytes = min(lease.Bytes, back)
		back -= lease.Bytes
		if err := m.c.cfg.Quotas.GiveBackUpload(ctx, m.scope, m.person.UserID, lease); err != nil {
			m.c.log.Warn("Bytes of an upload that was not kept stay counted until midnight.", "user", m.person.UserID, "bytes", lease.Bytes, "err", err)
		}
	}
	m.leases, m.left, m.passed = nil, 0, 0
}

// meteredFiles charges for the files of a project.
type meteredFiles struct {
	FileSource
	meter *meter
}

func (f meteredFiles) Next() (string, uint32, io.Reader, error) {
	name, mode, content, err := f.FileSource.Next()
	if err != nil {
		return name, mode, content, err
	}
	return name, mode, f.meter.read(content), nil
}

// wrapping is what a project's request holds beside its files: parts' headers of thousands of files.
const wrapping = 2 << 20

// meterImport begins the upload of a project. What cannot fit is refused before the first byte is read: one lab too many, or more bytes than there is room for.
func (c *Controller) meterImport(ctx context.Context, actor tenancy.Actor, request ImportRequest, replaced *Record) (*meter, error) {
	tenant, person := actor.TenantID, tenancy.Whose{UserID: actor.UserID, Name: actor.UserName}
	if replaced != nil {
		tenant, person = replaced.Tenant, uploader(actor, replaced)
	}
	m := c.meter(ctx, actor, tenant, person)
	if m == nil {
		return nil, nil
	}
	limits, use, err := c.quota(ctx, tenant)
	if err != nil {
		return nil, err
	}
	check := func(wanted tenancy.Amounts) error {
		return toldTo(actor, tenancy.CheckQuota(limits, use, person, wanted, c.cfg.Now()))
	}
	sent := max(0, request.Size-wrapping)
	if err := check(tenancy.Amounts{tenancy.QuotaUploads: max(sent, 1)}); err != nil {
		return nil, err
	}
	if replaced != nil {
		return m, nil // its older version gives room: the transaction decides
	}
	if err := check(tenancy.Amounts{tenancy.QuotaLabs: 1, tenancy.QuotaDisk: sent}); err != nil {
		return nil, err
	}
	for _, of := range []struct {
		limits tenancy.Limits
		used   tenancy.Amounts
	}{{limits.OfPerson(person.UserID), use.People[person.UserID]}, {limits.OfWorkspace(), use.Workspace}} {
		if limit, limited := of.limits.Of(tenancy.QuotaDisk); limited {
			if left := max(0, limit-of.used[tenancy.QuotaDisk]); m.room < 0 || left < m.room {
				m.room = left
			}
		}
	}
	if m.room >= 0 {
		m.full = check(tenancy.Amounts{tenancy.QuotaDisk: m.room + 1})
	}
	return m, nil
}
