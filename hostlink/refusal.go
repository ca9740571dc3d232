package hostlink

import (
	"context"
	"errors"

	"trunkline/internal/fault"
)

// Refusals an Authority answers with, so that each has one sentence wherever it is stored.
var (
	ErrTokenUnknown = fault.New(fault.Unauthenticated, "This join token is unknown. Make a new one with “trunkline token create” and use it once.")
	ErrTokenUsed    = fault.New(fault.Conflict, "This join token was already used. Each token enrols one host: make a new one.")
	ErrTokenExpired = fault.New(fault.Unauthenticated, "This join token has expired. Make a new one and use it before it runs out.")
	ErrHostUnknown  = fault.New(fault.Unauthenticated, "The controller does not know this host. Enrol it again with a new join token.")
	ErrHostRevoked  = fault.New(fault.Forbidden, "This host was removed from the controller. Enrol it again with a new join token if it should come back.")
)

// Refusals of the handshake itself.
var (
	ErrWrongKey   = fault.New(fault.Unauthenticated, "This host's key does not match the one it enrolled with. Restore its identity file, or enrol it again.")
	ErrReplayed   = fault.New(fault.Unauthenticated, "This handshake answers a challenge of another connection, as a replayed one would. Dial again.")
	ErrBinding    = fault.New(fault.Forbidden, "Something between the host and the controller opens the TLS connection. Let the host reach the controller without an inspecting proxy.")
	ErrSuperseded = fault.New(fault.Conflict, "A newer session of this host is already linked. Make sure that only one agent uses this identity.")
	ErrNoControl  = fault.New(fault.Conflict, "A bulk channel needs the control channel of the same session. Dial the control channel first.")
	ErrBusy       = fault.New(fault.Unavailable, "Too many hosts are linking at this moment. Try again in a few seconds.")
)

// Ends of a link.
var (
	ErrReplaced = fault.New(fault.Unavailable, "The link to this host was replaced by a newer session. Try again.")
	ErrLost     = fault.New(fault.Unavailable, "The link to this host was lost. It comes back by itself; try again in a moment.")
	ErrStopping = fault.New(fault.Unavailable, "The host's agent is stopping and takes no new requests. Try again when it is back.")
	ErrClosed   = fault.New(fault.Unavailable, "The controller is stopping. Try again when it is back.")
	errIdle     = fault.New(fault.Unavailable, "The bulk channel was idle and is closed.")
)

// ErrHungUp is read by a handler of an upgraded stream when the controller closed the stream; io.EOF means that only
// its input is finished.
var ErrHungUp = fault.New(fault.Unavailable, "The controller hung up.")

// refusalOf turns what an Authority answered into what the host may read.
func refusalOf(err error) *fault.Error {
	switch {
	case fault.Is(err, fault.NotFound):
		return fault.Wrap(err, ErrHostUnknown.Code, "%s", ErrHostUnknown.Sentence)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Unavailable, "The controller took too long to answer. Try again.")
	}
	if known, ok := errors.AsType[*fault.Error](err); ok {
		return known
	}
	return fault.Wrap(err, fault.Internal, "The controller could not check this host. Its log has the details.")
}
