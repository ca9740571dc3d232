package control

import (
	"archive/zip"
	"context"
	"io"
	"io/fs"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// Export writes the newest version of the lab's folder as a zip, files in the order of their paths.
func (c *Controller) Export(ctx context.Context, actor tenancy.Actor, ref string, w io.Writer) error {
	r, err := c.find(ctx, actor, tenancy.SeeLab, ref)
	if err != nil {
		return err
	}
	archive := zip.NewWriter(w)
	for _, f := range r.Revision.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.exportFile(archive, r, f); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The zip broke off while it was sent. Try again.")
	}
	return c.record(ctx, actor, tenancy.AuditDownload, auditLab(r), nil, auditVersion(&r.Revision))
}

func (c *Controller) exportFile(archive *zip.Writer, r *Record, f ProjectFile) error {
	content, _, err := c.cfg.Blobs.Open(f.SHA256)
	if err != nil {
		return err
	}
	defer content.Close()
	header := &zip.FileHeader{Name: f.Path, Method: zip.Deflate, Modified: r.Revision.CreatedAt.UTC()}
	header.SetMode(fs.FileMode(f.Mode))
	out, err := archive.CreateHeader(header)
	if err == nil {
		_, err = io.Copy(out, content)
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The zip broke off while it was sent. Try again.")
	}
	return nil
}
