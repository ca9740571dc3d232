package control

import (
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// hostSide is what is known of one lab on one host.
type hostSide struct {
	ID         string
	Name       string
	Placed     bool   // nodes of the lab belong here
	Nodes      int    // how many
	Peers      string // addresses of the lab's other hosts that its spec names; "" when nothing crosses hosts
	Connected  bool   // linked, and its full set is known: a nil Status then means that it has nothing
	LostFor    time.Duration
	Epoch      int64
	Status     *hostapi.LabStatus
	Guessed    bool // it was told of the lab and has not reported it yet
	GuessedFor time.Duration
	Told       told
}

// told is what the host was last told of the lab.
type told struct {
	At         time.Time
	Epoch      int64
	Generation int64
	Remove     bool
	Peers      string
	Error      *fault.Error // it was refused, or could not be said
	Failures   int
	RetryAt    time.Time
}

// has reports whether something of the lab is, or may be, on the host.
func (s hostSide) has() bool {
	if s.gone() {
		return false
	}
	if s.Connected {
		return s.Status != nil || s.Guessed
	}
	return s.Status != nil || s.Guessed || s.Placed
}

// step is what to do next for a lab.
type step struct {
	Apply  []string      // hosts to tell the spec
	Remove []string      // hosts to tell that they shall have nothing of it
	Resync []string      // hosts to ask for their full set: what they were told of does not show up
	Gone   bool          // nothing shall be left of the lab, and nothing is
	Wait   time.Duration // look again then at the latest; 0: when something changes
}

// guessLimit is how long a host may take to report a lab that it was told of, or to have nothing of one, before it is told again: a
// request that an intent cut off may reach the host after the next one, and undo it.
const guessLimit = 20 * time.Second

// next is the one step from what is towards what shall be. It is pure: loops, retries and timers are around it.
func next(d Desired, sides []hostSide, now time.Time) step {
	var s step
	left := false
	for _, side := range sides {
		wanted := side.Placed && d.Want != WantNothing
		left = left || side.has()
		switch {
		case !side.Connected:
		case wanted && needsSpec(side, d.Generation):
			s.tell(&s.Apply, side, d.Generation, false, now)
		case !wanted && side.has():
			s.tell(&s.Remove, side, d.Generation, true, now)
		}
		if side.Connected && side.Guessed {
			if side.GuessedFor > guessLimit {
				s.Resync = append(s.Resync, side.ID)
			}
			s.lookAgain(max(guessLimit-side.GuessedFor, time.Second))
		}
	}
	s.Gone = d.Want == WantNothing && !left
	return s
}

// needsSpec reports that the host is not known to have the generation, with the other hosts' present addresses.
func needsSpec(side hostSide, generation int64) bool {
	if side.Status == nil || side.Status.Generation < generation {
		return true
	}
	t := side.Told
	said := t.Generation == generation && t.Peers == side.Peers && !t.Remove && t.Error == nil
	return side.Peers != "" && !said // an earlier controller may have told it of other addresses
}

// tell adds the host, unless it was told the same over this link a moment ago, or is to be left alone until a later try.
func (s *step) tell(list *[]string, side hostSide, generation int64, remove bool, now time.Time) {
	t := side.Told
	same := t.Epoch == side.Epoch && t.Generation == generation && t.Remove == remove && (remove || t.Peers == side.Peers)
	switch {
	case same && t.Error == nil && now.Before(t.At.Add(guessLimit)):
		s.lookAgain(t.At.Add(guessLimit).Sub(now))
	case same && t.Error != nil && now.Before(t.RetryAt):
		s.lookAgain(t.RetryAt.Sub(now))
	default:
		*list = append(*list, side.ID)
	}
}

func (s *step) lookAgain(after time.Duration) {
	if after > 0 && (s.Wait == 0 || after < s.Wait) {
		s.Wait = after
	}
}
