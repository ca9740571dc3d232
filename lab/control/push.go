package control

import (
	"bytes"
	"context"
	"io"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// specs makes the specs of the lab's hosts, or returns those made before from the same.
func (c *Controller) specs(ctx context.Context, e *entry) (*compiled, error) {
	r := e.record
	if e.running == nil {
		return nil, fault.New(fault.Internal, "Lab %s shall run, and the version to run is not stored.", r.Name)
	}
	offers, err := c.offersTo(ctx, r.Tenant)
	if err != nil {
		return nil, err
	}
	key := specKey{r.Desired.Generation, c.addresses(r, r.hosts(), "")}
	if e.specs != nil && e.specsOf == key {
		return e.specs, e.specs.Lacks
	}
	out, err := compile(compileInput{
		LabID: r.ID, Tenant: r.Tenant, Generation: r.Desired.Generation, Lab: e.running.Lab, Files: e.running.Files,
		Deployment: r.Desired.Deployment, Defaults: c.cfg.Defaults, Offers: offers, Underlay: c.fleet.underlay, HostName: c.hostName,
	})
	if err != nil {
		return nil, err
	}
	e.specs, e.specsOf, e.pairs = &out, key, out.Pairs
	return e.specs, out.Lacks
}

// specKey is what may change about the specs of a record that does not change.
type specKey struct {
	generation int64
	addresses  string
}

// addresses is where the tunnels of a lab's hosts end, but for one host, in a form to compare; "" when nothing crosses.
func (c *Controller) addresses(r *Record, hosts []string, but string) string {
	if len(r.Desired.VNIs) == 0 {
		return ""
	}
	var b strings.Builder
	for _, id := range hosts {
		if id != but {
			b.WriteString(id + "=" + c.fleet.underlay(id).String() + " ")
		}
	}
	return b.String()
}

// push tells a host the lab's spec, after the files that it has not.
func (c *Controller) push(ctx context.Context, e *entry, hostID string, out *compiled) error {
	spec := out.Specs[hostID]
	if spec == nil {
		return fault.New(fault.Internal, "Lab %s has nothing for host %s.", e.record.Name, c.hostName(hostID))
	}
	host, _, err := c.fleet.reach(hostID, c.hostName(hostID))
	if err != nil {
		return err
	}
	if err := c.pushBlobs(ctx, host, spec, out.Texts); err != nil {
		return err
	}
	return c.fleet.apply(ctx, hostID, *spec)
}

// pushBlobs sends the project files and texts that the host has not, one after the other: they share the bulk channel.
func (c *Controller) pushBlobs(ctx context.Context, host Host, spec *hostapi.LabSpec, texts map[string][]byte) error {
	var hashes []string
	asked := map[string]bool{}
	for _, n := range spec.Nodes {
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
		if err := c.pushBlob(ctx, host, hash, texts[hash]); err != nil {
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
