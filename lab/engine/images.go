package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/image"

	"trunkline/lab/hostapi"
)

// imageFacts is what creating a container needs to know of its image.
type imageFacts struct {
	entrypoint []string
	cmd        []string
	caps       []string
}

// labelCaps lets an image say which capabilities its services need, comma-separated.
const labelCaps = "trunkline.caps"

// capsImagesMayAsk bounds labelCaps. SYS_ADMIN is there for FRR, which wants to hold it and never uses it: the seccomp profile takes its power away.
var capsImagesMayAsk = []string{"AUDIT_WRITE", "NET_BROADCAST", "SETPCAP", "SYS_ADMIN", "SYS_CHROOT", "SYS_NICE"}

// imageFacts asks the engine once per image reference.
func (e *Engine) imageFacts(ctx context.Context, reference string) (imageFacts, error) {
	e.mu.Lock()
	facts, known := e.images[reference]
	e.mu.Unlock()
	if known {
		return facts, nil
	}
	d, err := e.docker.ImageInspect(ctx, reference)
	if isNotFound(err) {
		return imageFacts{}, missingImage(reference, err)
	}
	if err != nil {
		return imageFacts{}, sentence(err, "look at image %s", reference)
	}
	if d.Config != nil {
		facts.entrypoint, facts.cmd = d.Config.Entrypoint, d.Config.Cmd
		// Without our seccomp profile SYS_ADMIN would be real power.
		for _, capability := range strings.Split(d.Config.Labels[labelCaps], ",") {
			allowed := slices.Contains(capsImagesMayAsk, capability) && (capability != "SYS_ADMIN" || e.seccomp != "")
			if allowed {
				facts.caps = append(facts.caps, capability)
			}
		}
	}
	e.mu.Lock()
	e.images[reference] = facts
	e.mu.Unlock()
	return facts, nil
}

func (e *Engine) forgetImage(reference string) {
	e.mu.Lock()
	delete(e.images, reference)
	e.mu.Unlock()
}

// Images lists every tagged image, one entry per tag, sorted by name. It also forgets what was cached: a tag may have moved.
func (e *Engine) Images(ctx context.Context) ([]hostapi.Image, error) {
	found, err := e.docker.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return nil, sentence(err, "list the images")
	}
	e.mu.Lock()
	clear(e.images)
	e.mu.Unlock()
	var images []hostapi.Image
	for _, i := range found {
		for _, tag := range i.RepoTags {
			if tag != "<none>:<none>" {
				images = append(images, hostapi.Image{Name: tag, ID: i.ID, SizeBytes: i.Size, Labels: i.Labels})
			}
		}
	}
	slices.SortFunc(images, func(a, b hostapi.Image) int { return strings.Compare(a.Name, b.Name) })
	return images, nil
}
