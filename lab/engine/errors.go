package engine

import (
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"trunkline/internal/fault"
)

// sentence turns an engine's error into ours: what could not be done, why, and what to do about it.
func sentence(err error, doing string, args ...any) error {
	what := fmt.Sprintf(doing, args...)
	text := err.Error()
	switch {
	case client.IsErrConnectionFailed(err), strings.Contains(text, "connection refused"), strings.Contains(text, "EOF"):
		return fault.Wrap(err, fault.Unavailable, "Docker does not answer, so we could not %s. Start it (systemctl start docker) and it goes on by itself.", what)
	case strings.Contains(text, "no space left on device"):
		return fault.Wrap(err, fault.Exhausted, "The disk of the compute host is full, so we could not %s. Free some space (docker system df shows what takes it).", what)
	case errdefs.IsNotFound(err):
		return fault.Wrap(err, fault.NotFound, "We could not %s: it isn't there.", what)
	case errdefs.IsConflict(err):
		return fault.Wrap(err, fault.Conflict, "We could not %s: %s.", what, lastPart(text))
	case errdefs.IsInvalidArgument(err):
		return fault.Wrap(err, fault.Invalid, "Docker refused to %s: %s.", what, lastPart(text))
	case errdefs.IsCanceled(err), errdefs.IsDeadlineExceeded(err):
		return err
	}
	return fault.Wrap(err, fault.Internal, "Docker could not %s: %s.", what, lastPart(text))
}

// lastPart drops the engine's prefixes, which name its inner workings.
func lastPart(text string) string {
	text = strings.TrimPrefix(text, "Error response from daemon: ")
	text = strings.TrimRight(strings.TrimSpace(text), ".")
	return strings.ReplaceAll(text, "\n", " ")
}

func isNotFound(err error) bool { return err != nil && errdefs.IsNotFound(err) }
