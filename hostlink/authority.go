package hostlink

import (
	"context"
	"crypto/ed25519"
	"time"
)

// Authority is what the controller knows about hosts. Its errors are fault errors, whose sentences the host shows.
type Authority interface {
	// Enrol uses up a join token and records a new host with its key. ErrTokenUnknown, ErrTokenUsed, ErrTokenExpired.
	Enrol(ctx context.Context, request Enrolment) (hostID string, err error)
	// HostKey is the public key of a host that may link. fault.NotFound or ErrHostUnknown; ErrHostRevoked. Not asked of an
	// Authority that is a KeyKeeper.
	HostKey(ctx context.Context, hostID string) (ed25519.PublicKey, error)
	// Seen records that a host is linked now. Called when it links and about once a minute; an error is only logged.
	Seen(ctx context.Context, hostID string, sighting Sighting) error
}

// KeyKeeper is an Authority that can hold more than one key of a host, which is what changing the key of a linked host
// takes: for a while both the old and the new key let it link, so that a crash on either side locks nobody out. With an
// Authority that is none, Server.Rotate is unsupported.
type KeyKeeper interface {
	// HostKeys are all public keys of a host that may link, the one in use first; never none without an error. It refuses
	// as HostKey does.
	HostKeys(ctx context.Context, hostID string) ([]ed25519.PublicKey, error)
	// AddKey lets the host link with key too; its other keys stay. A key it has already is no error. Durable when it
	// returns: the host relies on it. Errors: as HostKey; fault.Conflict for another host's key.
	AddKey(ctx context.Context, hostID string, key ed25519.PublicKey) error
	// KeepOnly makes key, which the host has proved, its only one; all others are forgotten. When it is the only one
	// already, nothing happens. Errors: as HostKey; fault.Conflict for a key that AddKey was not told.
	KeepOnly(ctx context.Context, hostID string, key ed25519.PublicKey) error
}

// Sighting is one proof of life of a host.
type Sighting struct {
	At    time.Time
	Addr  string // where the host dials from, as the controller sees it
	Agent string // version of the agent
	Epoch int64
	RTT   time.Duration // 0 while unknown
}
