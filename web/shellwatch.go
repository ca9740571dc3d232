package web

import (
	"context"
	"sync"

	"trunkline/lab/control"
	"trunkline/tenancy"
	"trunkline/terminal"
)

// onlookers remembers who has come to which shell, so that the audit is told once, and not each time that a browser connects again.
type onlookers struct {
	mu    sync.Mutex
	known map[*terminal.Session]map[string]bool // ids of people
}

// came notes somebody, and reports that it is the first time.
func (o *onlookers) came(session *terminal.Session, userID string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known = map[*terminal.Session]map[string]bool{}
	}
	for one := range o.known {
		if _, ended := one.End(); ended {
			delete(o.known, one)
		}
	}
	if o.known[session] == nil {
		o.known[session] = map[string]bool{}
	}
	before := o.known[session][userID]
	o.known[session][userID] = true
	return !before
}

// forget lets somebody be noted anew.
func (o *onlookers) forget(session *terminal.Session, userID string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.known[session], userID)
}

// recordOnlooker tells the audit, before anything is shown, of somebody who comes to another's shell. Who opened it and comes back is no onlooker.
func (s *Server) recordOnlooker(ctx context.Context, r *Request, session *terminal.Session, lab control.LabView) error {
	who := onlooker(r.Actor)
	if !s.onlookers.came(session, who) {
		return nil
	}
	key, info := session.Key(), session.Info()
	event := r.Actor.AuditEvent(tenancy.AuditShellWatch, tenancy.AuditObject{Kind: "node", ID: key.Lab + "/" + key.Node, Name: key.Node + " of " + lab.Name})
	event.After = map[string]any{"openedBy": info.Owner, "mayType": shellRole(r.Actor, lab) == terminal.Control}
	if err := tenancy.RecordFirst(ctx, s.Audit, event); err != nil {
		s.onlookers.forget(session, who)
		return err
	}
	return nil
}

// onlooker tells people apart, also an administrator from whom he acts as.
func onlooker(actor tenancy.Actor) string { return actor.UserID + " " + actor.Behind.ID }
