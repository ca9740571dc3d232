package host

import (
	"context"
	"sync"
	"time"

	"trunkline/internal/fault"
)

// How often the switch is asked whether it lives, how long it has to answer, and how soon it is asked again before it is called
// dead: a lab whose switch is dead carries no frame though nothing else tells of it.
const (
	pulseEvery  = 5 * time.Second
	pulseWithin = 5 * time.Second
	pulseAgain  = time.Second
)

// switchState is what the last pulse found.
type switchState struct {
	mu  sync.Mutex
	err *fault.Error // nil: it answers
}

func (s *switchState) trouble() *fault.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// set reports whether the switch died or came back.
func (s *switchState) set(err *fault.Error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := (s.err == nil) != (err == nil)
	s.err = err
	return news
}

// pulse watches the switch. When it dies every lab says so, and when it is back every lab is compared with reality: a switch that
// was started anew has forgotten all flows.
func (x *Executor) pulse() {
	asked, ok := x.cfg.Fabric.(SwitchVersion)
	if !ok {
		return
	}
	every := x.cfg.Pulse
	for wait := every; sleep(x.life, wait) == nil; wait = every {
		err := x.beat(asked)
		if err != nil && x.alive.trouble() == nil {
			if sleep(x.life, min(every, pulseAgain)) != nil {
				return
			}
			err = x.beat(asked) // once is no proof on a busy machine
		}
		if x.life.Err() != nil {
			return
		}
		if !x.alive.set(err) {
			continue
		}
		if err != nil {
			x.log.Warn("the switch doesn't answer", "error", err)
		}
		x.describeAgain()
		for _, l := range x.loopsNow() {
			l.look(err == nil)
		}
		if err == nil {
			x.peers.poke()
		}
	}
}

func (x *Executor) beat(asked SwitchVersion) *fault.Error {
	ctx, cancel := context.WithTimeout(x.life, pulseWithin)
	defer cancel()
	if _, err := asked.Version(ctx); err != nil {
		return fault.Public(err)
	}
	return nil
}
