package web

import (
	"context"

	"trunkline/lab/control"
	"trunkline/tenancy"
)

// Switches shows what switches have learnt and what labs carry.
type Switches interface {
	// Switch returns the live tables of a switch, hub or lan. Codes: not_found, invalid, conflict, unavailable, unsupported.
	Switch(ctx context.Context, actor tenancy.Actor, lab, node string) (control.SwitchView, error)
	// WatchRates streams what changed of a lab's rates, everything first. The channel closes when ctx ends.
	WatchRates(ctx context.Context, actor tenancy.Actor, lab string) (<-chan control.Rates, error)
}

// LinkChanges changes one link of a lab, and at once of what runs of it.
type LinkChanges interface {
	// SetLink stores the change as a revision and applies it. Codes: not_found, invalid (with the field), conflict, forbidden.
	SetLink(ctx context.Context, actor tenancy.Actor, lab, link string, change control.LinkChange) (*control.EditResult, error)
}
