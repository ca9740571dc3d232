package hostapi

import (
	"context"
	"io"
)

// Host is what the handler serves: a compute host's executor.
type Host interface {
	LabHost
	NodeHost
	BlobHost
	Facts
}

// LabHost takes a host's desired state and tells its observed state.
type LabHost interface {
	// Apply makes the spec the desired state of its lab and returns once it is kept on disk. Converging goes on behind it.
	// Codes: conflict (a newer generation is here already), invalid, exhausted (disk).
	Apply(ctx context.Context, spec LabSpec) error
	// Remove makes nothing the desired state of the lab. Removing a missing lab is no error; Observe tells when it is gone.
	Remove(ctx context.Context, labID string) error
	// Lab returns the observed state of one lab. Code: not_found.
	Lab(ctx context.Context, labID string) (LabStatus, error)
	// Synced tells that the controller applied every lab it wants here: these and no others. The rest is removed.
	Synced(ctx context.Context, labIDs []string) error
	// Observe returns the full set, Synced, and then changes, until ctx ends. A slow reader gets the newest state, not each change.
	Observe(ctx context.Context) <-chan Observation
}

// NodeHost reaches into nodes. Every call names the lab, and fails with not_found when the node is not part of it.
type NodeHost interface {
	// Exec starts a command in a running node. Codes: not_found, conflict (not running), invalid.
	Exec(ctx context.Context, labID, node string, e ExecRequest) (ExecStream, error)
	// PutFile puts r into the node. When r ends early or fails nothing is changed there.
	PutFile(ctx context.Context, labID, node string, put PutFile, r io.Reader) error
	// GetFile opens a file of the node; a folder comes as tar with IsDir set and Size -1.
	GetFile(ctx context.Context, labID, node, path string) (io.ReadCloser, FileInfo, error)
	// StatFile describes a path of the node.
	StatFile(ctx context.Context, labID, node, path string) (FileInfo, error)
}

// BlobHost keeps project files by their content.
type BlobHost interface {
	// MissingBlobs returns those of the hashes (lower-case hex sha256) that the host has not.
	MissingBlobs(ctx context.Context, hashes []string) ([]string, error)
	// PutBlob keeps r under its hash. Code invalid: the content has another hash; nothing is kept then.
	PutBlob(ctx context.Context, hash string, r io.Reader) error
}

// Facts tells what the host is and has.
type Facts interface {
	Info(ctx context.Context) (HostInfo, error)
	Images(ctx context.Context) ([]Image, error)
	// Leftovers lists in words what carries this host's stamp and belongs to no lab it shall have.
	Leftovers(ctx context.Context) ([]string, error)
}

// ExecStream is a running command. With a TTY everything comes as stdout. Close ends it.
type ExecStream interface {
	// Next returns the next piece of output; io.EOF after the last. The slice is valid until the next call.
	Next() (kind FrameKind, data []byte, err error)
	io.WriteCloser // stdin
	CloseWrite() error
	Resize(ctx context.Context, cols, rows uint16) error
	ExitCode(ctx context.Context) (int, error)
}
