package control

import (
	"bytes"
	"context"
	"io"

	"trunkline/internal/fault"
)

// push tells a host the lab's spec, after the files that it has not.
func (c *Controller) push(ctx context.Context, e *entry, hostID string) error {
	r := e.record
	if e.running == nil {
		return fault.New(fault.Internal, "Lab %s shall run, and the version to run is not stored.", r.Name)
	}
	out, err := compile(compileInput{
		LabID: r.ID, Tenant: r.Tenant, Generation: r.Desired.Generation, Lab: e.running.Lab, Files: e.running.Files,
		Deployment: r.Desired.Deployment, Defaults: c.cfg.Defaults,
	})
	if err != nil {
		return err
	}
	host, _, err := c.fleet.reach(hostID, c.hostName(hostID))
	if err != nil {
		return err
	}
	if err := c.pushBlobs(ctx, host, out); err != nil {
		return err
	}
	return c.fleet.apply(ctx, hostID, out.Spec)
}

// pushBlobs sends the project files and texts that the host has not, one after the other: they share the bulk channel.
func (c *Controller) pushBlobs(ctx context.Context, host Host, out compiled) error {
	var hashes []string
	asked := map[string]bool{}
	for _, n := range out.Spec.Nodes {
		for _, f := range n.Files {
			if !asked[f.Blob] {
				asked[f.Blob] = true
				hashes = append(hashes, f.Blob)
			}
		}
	}
	if len(hashes) == 0 {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, callTimeout)
	missing, err := host.MissingBlobs(asking, hashes)
	cancel()
	if err != nil {
		return err
	}
	for _, hash := range missing {
		if err := c.pushBlob(ctx, host, hash, out.Texts[hash]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Controller) pushBlob(ctx context.Context, host Host, hash string, text []byte) error {
	if text != nil {
		return host.PutBlob(ctx, hash, int64(len(text)), bytes.NewReader(text))
	}
	content, size, err := c.cfg.Blobs.Open(hash)
	if err != nil {
		return err
	}
	defer content.Close()
	return host.PutBlob(ctx, hash, size, io.LimitReader(content, size))
}
