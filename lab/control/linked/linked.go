// Package linked lets the controller reach compute hosts over the host link.
//
// It knows that a live link carries HTTP and that hostapi.Client speaks over it. It refuses to know labs and the tunnel's inside.
package linked

import (
	"context"

	"trunkline/hostlink"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
)

// Links are the hosts linked to a hostlink.Server.
type Links struct{ server *hostlink.Server }

// New returns the server's hosts as control.Links.
func New(server *hostlink.Server) *Links { return &Links{server} }

// Watch gives every linked host first, then each change in order, until ctx ends or the reader is too slow.
func (l *Links) Watch(ctx context.Context) <-chan control.LinkEvent {
	out := make(chan control.LinkEvent)
	events := l.server.Watch(ctx)
	go func() { // owned by the reader: it ends with ctx, or when the server's channel does
		defer close(out)
		for e := range events {
			select {
			case out <- linkEvent(e):
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func linkEvent(e hostlink.Event) control.LinkEvent {
	event := control.LinkEvent{HostID: e.HostID, Epoch: e.Epoch}
	if e.Kind == hostlink.Connected {
		event.Host = &hostapi.Client{HTTP: e.Link.Client, Bulk: e.Link.Bulk}
		event.RTT = e.Link.RTT
	}
	return event
}
