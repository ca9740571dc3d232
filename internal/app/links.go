package app

import (
	"context"

	"trunkline/hostlink"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
)

// links shows the tunnel's live links to the controller as hosts it can call.
type links struct{ server *hostlink.Server }

func (l links) Watch(ctx context.Context) <-chan control.LinkEvent {
	events := l.server.Watch(ctx)
	out := make(chan control.LinkEvent)
	go func() { // ends with ctx or the tunnel's channel; the reader sees the close
		defer close(out)
		for event := range events {
			select {
			case out <- linkEvent(event):
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func linkEvent(e hostlink.Event) control.LinkEvent {
	event := control.LinkEvent{HostID: e.HostID, Epoch: e.Epoch}
	switch {
	case e.Kind == hostlink.Connected:
		event.Host = &hostapi.Client{HTTP: e.Link.Client, Bulk: e.Link.Bulk}
		event.RTT = e.Link.RTT
	case e.Reason != nil:
		event.Reason = e.Reason.Sentence
	}
	return event
}
