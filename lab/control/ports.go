package control

import (
	"context"
	"io"
	"time"

	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// LabStore keeps labs and their versions. A lab that is not there, or out of the scope, is fault.NotFound, in the same words.
type LabStore interface {
	// CreateLab stores a new lab with its first revision. A name that the tenant already has is fault.Conflict.
	CreateLab(ctx context.Context, scope tenancy.Scope, record *Record) error
	// AddRevision stores a new version of the lab's file; the revision's number is set.
	AddRevision(ctx context.Context, scope tenancy.Scope, labID string, revision *Revision) error
	// Lab finds by id or, in the scope's tenant, by name.
	Lab(ctx context.Context, scope tenancy.Scope, ref string) (*Record, error)
	Labs(ctx context.Context, scope tenancy.Scope) ([]*Record, error)
	Revision(ctx context.Context, scope tenancy.Scope, labID string, number int64) (*Revision, error)
	DeleteLab(ctx context.Context, scope tenancy.Scope, labID string) error
}

// StateStore keeps what labs shall be and what they are.
type StateStore interface {
	// ChangeDesired runs change on the lab's record inside one transaction and stores its Desired side. An error of change
	// leaves everything as it was. Of two changes at once the second sees what the first did.
	ChangeDesired(ctx context.Context, scope tenancy.Scope, labID string, change func(*Record) error) (*Record, error)
	// ReviseDesired adds a new version of the lab's file, as LabStore does, and runs change on the lab that has it, as ChangeDesired does, in one
	// transaction: both are stored, or nothing is.
	ReviseDesired(ctx context.Context, scope tenancy.Scope, labID string, revision *Revision, change func(*Record) error) (*Record, error)
	SaveObserved(ctx context.Context, scope tenancy.Scope, labID string, observed Observed, onHosts map[string]*hostapi.LabStatus) error
	// OnHosts is what each host had of the lab when it was last saved, by host id.
	OnHosts(ctx context.Context, scope tenancy.Scope, labID string) (map[string]*hostapi.LabStatus, error)
	SavePositions(ctx context.Context, scope tenancy.Scope, labID string, positions map[string]Position) error
	// ToReconcile lists the labs that shall be, or may still be, on a host.
	ToReconcile(ctx context.Context, scope tenancy.Scope) ([]string, error)
	// LabsOn lists the labs that shall be on the host, and those that shall not any more but are placed there until it is known that nothing is
	// left of them.
	LabsOn(ctx context.Context, scope tenancy.Scope, hostID string) (wanted, leaving []string, err error)
}

// SiteStore keeps what belongs to the installation and no tenant.
type SiteStore interface {
	Hosts(ctx context.Context) ([]HostRecord, error)
	SaveHostInfo(ctx context.Context, hostID string, info hostapi.HostInfo) error
	// LabsPerHost counts the labs that are placed on each host.
	LabsPerHost(ctx context.Context) (map[string]int, error)
	// Prune deletes what has expired.
	Prune(ctx context.Context, now time.Time) error
	// BlobsInUse lists the sha256 of every project file that a lab holds.
	BlobsInUse(ctx context.Context) (map[string]bool, error)
}

// ImageStore keeps what the site and each workspace say of images.
type ImageStore interface {
	SiteImages(ctx context.Context) (ImagePolicy, error)
	// ChangeSiteImages runs change inside one transaction and stores what it leaves. An error of change leaves all as it was.
	ChangeSiteImages(ctx context.Context, change func(*ImagePolicy) error) error
	// TenantImages is of the scope's tenant; a tenant that is not there, or none, is fault.NotFound.
	TenantImages(ctx context.Context, scope tenancy.Scope) (ImagePolicy, error)
	ChangeTenantImages(ctx context.Context, scope tenancy.Scope, change func(*ImagePolicy) error) error
}

// Blobs keeps the content of project files by their sha256.
type Blobs interface {
	// Put streams r to disk and returns its hash. Over limit bytes it is fault.Exhausted and leaves nothing.
	Put(ctx context.Context, r io.Reader, limit int64) (sha256 string, size int64, err error)
	Open(sha256 string) (io.ReadCloser, int64, error)
	// Collect deletes what is not in use and was not touched since before.
	Collect(inUse map[string]bool, before time.Time) (removed int, err error)
}

// Links tells which compute hosts are linked.
type Links interface {
	// Watch gives every linked host first, then each change in order. The channel is closed when ctx ends, or when the reader
	// was too slow: call Watch again then.
	Watch(ctx context.Context) <-chan LinkEvent
}

// LinkEvent is one change of the linked hosts.
type LinkEvent struct {
	HostID string
	Epoch  int64                // rises with each new link of the host
	Host   Host                 // nil when the link is gone
	RTT    func() time.Duration // of a live link; may be nil
	Reason string               // why the link is gone, in a sentence; may be ""
}

// Host is one linked compute host; *hostapi.Client is one.
type Host interface {
	// Observe calls each for every observation until each fails, the host is lost (its error) or ctx ends (nil).
	Observe(ctx context.Context, each func(hostapi.Observation) error) error
	Apply(ctx context.Context, spec hostapi.LabSpec) error
	Remove(ctx context.Context, labID string) error
	MissingBlobs(ctx context.Context, sha256 []string) ([]string, error)
	PutBlob(ctx context.Context, sha256 string, size int64, r io.Reader) error
	// Synced tells the host every lab that it shall have; it removes the others.
	Synced(ctx context.Context, labIDs []string) error
}

// FleetHost is a linked host that knows of other hosts and keeps a log; *hostapi.Client is one.
type FleetHost interface {
	// SetPeers makes these, and no others, the hosts to exchange tunnel frames with and to probe. Code unsupported: the agent is too old.
	SetPeers(ctx context.Context, peers []hostapi.Peer) error
	// Reached tells which stages nodes on other hosts have left behind, by node. Code: not_found (no such lab).
	Reached(ctx context.Context, labID string, stages map[string][]string) error
	// Log returns the last lines of the agent's log, the oldest first.
	Log(ctx context.Context, lines int) ([]string, error)
}

// NodeHost is a linked host that reaches into its nodes; *hostapi.Client is one.
type NodeHost interface {
	Exec(ctx context.Context, labID, node string, request hostapi.ExecRequest) (*hostapi.ExecConn, error)
	PutFile(ctx context.Context, labID, node string, put hostapi.PutFile, r io.Reader) error
	GetFile(ctx context.Context, labID, node, path string) (io.ReadCloser, hostapi.FileInfo, error)
	StatFile(ctx context.Context, labID, node, path string) (hostapi.FileInfo, error)
}
