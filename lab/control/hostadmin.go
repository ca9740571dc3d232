package control

import (
	"context"
	"time"

	"trunkline/lab/hostapi"
	"trunkline/lab/place"
	"trunkline/tenancy"
)

// HostDetail is one compute host with all that an administrator may want to know.
type HostDetail struct {
	HostView
	Address string        `json:"address,omitempty"` // where it dials from
	Created time.Time     `json:"created"`
	Labs    []HostLab     `json:"labs,omitempty"`
	Use     []hostapi.Use `json:"use,omitempty"` // samples of the last day, the oldest first, at most 500
	Reach   []HostReach   `json:"reach,omitempty"`
}

// HostLab is a lab that has something on a host.
type HostLab struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Tenant string `json:"tenant"` // its name
	State  State  `json:"state"`
	Nodes  int    `json:"nodes"` // of it on this host
}

// HostReach is the way from one host to another, as both see it.
type HostReach struct {
	From    string        `json:"from"` // host names
	To      string        `json:"to"`
	Usable  bool          `json:"usable"` // frames arrive both ways
	Known   bool          `json:"known"`  // it was probed
	MTU     int           `json:"mtu,omitempty"`
	RTT     time.Duration `json:"rtt,omitempty"`
	Problem string        `json:"problem,omitempty"` // "host-b does not hear host-a: let UDP port 4789 through."
}

// JoinRequest asks for a join command.
type JoinRequest struct {
	Name   string            `json:"name,omitempty"`   // "" lets the host choose
	Labels map[string]string `json:"labels,omitempty"` // for placement
	Life   time.Duration     `json:"life,omitempty"`   // 0: one hour; at most 30 days
}

// JoinToken is a one-time token that lets one host join. The secret is shown once.
type JoinToken struct {
	ID        string            `json:"id"` // for lists and revoking; not the secret
	Secret    string            `json:"secret,omitempty"`
	Name      string            `json:"name,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	CreatedAt time.Time         `json:"createdAt"`
	ExpiresAt time.Time         `json:"expiresAt"`
}

// HostChange is what an administrator changes of a host; nil leaves as it is.
type HostChange struct {
	Name    *string            `json:"name,omitempty"`
	Labels  *map[string]string `json:"labels,omitempty"`
	Drained *bool              `json:"drained,omitempty"` // empty it: nodes move away one by one, and none come
	Tenants *[]string          `json:"tenants,omitempty"` // ids of the only tenants that may use it; empty: all
	// OverCommit multiplies what the host has for placement; zero fields are those of DefaultOverCommit.
	OverCommit *OverCommit `json:"overCommit,omitempty"`
}

// OverCommit is how much more than it has a host promises.
type OverCommit struct {
	CPU    float64 `json:"cpu,omitempty"`
	Memory float64 `json:"memory,omitempty"`
}

// Offer is a physical network that an administrator lets tenants attach labs to.
type Offer struct {
	Network string            `json:"network"` // "campus"
	Devices map[string]string `json:"devices"` // host id to the interface there
	VLANs   []OfferedVLAN     `json:"vlans"`
}

// OfferedVLAN is one VLAN of a physical network, given to one tenant.
type OfferedVLAN struct {
	VLAN   int    `json:"vlan"` // 1 to 4094; 0: untagged frames
	Tenant string `json:"tenant"`
}

// HostStore keeps the compute hosts, the way in for new ones, and what they offer.
type HostStore interface {
	CreateJoinToken(ctx context.Context, request JoinRequest) (JoinToken, error)
	JoinTokens(ctx context.Context) ([]JoinToken, error) // unused and not expired
	DeleteJoinToken(ctx context.Context, id string) error
	// HostRecord finds by id or name, revoked ones included. Code: not_found.
	HostRecord(ctx context.Context, ref string) (HostRecord, error)
	// RevokedHosts lists those that SiteStore.Hosts leaves out, by name: until they are removed, people see them.
	RevokedHosts(ctx context.Context) ([]HostRecord, error)
	// ChangeHost stores what change leaves of the record's Name, Labels, Drained, Tenants and OverCommit. Codes: not_found, conflict (name).
	ChangeHost(ctx context.Context, id string, change func(*HostRecord) error) (HostRecord, error)
	// RevokeHost refuses the host's key from now on.
	RevokeHost(ctx context.Context, id string) error
	// RemoveHost forgets the host. Code: conflict while a lab is placed on it.
	RemoveHost(ctx context.Context, id string) error
	AddUse(ctx context.Context, hostID string, use hostapi.Use) error
	UseSince(ctx context.Context, hostID string, since time.Time) ([]hostapi.Use, error)
	// PlacedOn lists the labs of all tenants that are placed on the host; State as last saved.
	PlacedOn(ctx context.Context, hostID string) ([]HostLab, error)
	// Given is what each host has promised to nodes of labs other than the one given.
	Given(ctx context.Context, exceptLab string) (map[string]Given, error)
	Offers(ctx context.Context) ([]Offer, error)
	// SaveOffer makes or replaces the offer of that name. A VLAN that is another tenant's, or freed within its quarantine, is conflict.
	SaveOffer(ctx context.Context, offer Offer) error
	DeleteOffer(ctx context.Context, network string) error // conflict while a lab uses it
}

// Given is what a host has promised.
type Given struct {
	place.Amount
	Nodes      int            // placed on it, of all tenants
	Labs       int            // of all tenants
	TenantLabs map[string]int // by tenant
}

// Identifiers gives networks of labs their VNI. Those of a tenant come from blocks of its own.
type Identifiers interface {
	// VNIs returns an identifier for each name of the lab: the one it has, or a new one. Names it has and that are not given are freed.
	// One transaction. Code: exhausted.
	VNIs(ctx context.Context, scope tenancy.Scope, labID string, names []string) (map[string]uint32, error)
	// FreeVNIs frees all of the lab's; they rest for a while before anyone gets them again.
	FreeVNIs(ctx context.Context, scope tenancy.Scope, labID string) error
	// LabsWithVNIs lists the labs that hold any.
	LabsWithVNIs(ctx context.Context, scope tenancy.Scope) ([]string, error)
	// VNIBlocks lists the tenant's blocks, for people to see.
	VNIBlocks(ctx context.Context, scope tenancy.Scope) ([]VNIBlock, error)
}

// VNIBlock is a range of identifiers that belongs to one tenant.
type VNIBlock struct {
	First uint32 `json:"first"`
	Last  uint32 `json:"last"`
	Used  int    `json:"used"`
	Rests int    `json:"rests"` // freed and in quarantine
}

// Networks is what a tenant has of the identifiers and of the physical networks, for its members to see.
type Networks struct {
	Blocks []VNIBlock `json:"blocks"`
	Offers []Offer    `json:"offers"` // the tenant's VLANs alone; Devices is empty, for hosts are the site's affair
}

// Tunnel is what the controller asks of the host link itself.
type Tunnel interface {
	// Rotate gives a linked host a new key. The old one works until the host has proved the new one. Codes: unavailable, unsupported.
	Rotate(ctx context.Context, hostID string) error
	// Drop cuts the host's link at once and tells it why.
	Drop(hostID string, reason string)
}
