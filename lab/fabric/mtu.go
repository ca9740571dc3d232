package fabric

import "time"

// How the largest frame that passes is found.
const (
	mtuWait    = 300 * time.Millisecond // for a large probe to come back
	mtuTries   = 3                      // of one size before it is called too large
	mtuAgain   = time.Minute            // after a search has ended
	mtuDoubt   = time.Second            // after one that found less than is wanted or was: only a second one that agrees counts
	mtuLargest = 9000                   // more isn't asked for
)

// mtuSearch finds the largest payload that comes back whole: what is wanted, what is likely, and then by halving. The zero value is ready.
type mtuSearch struct {
	likely  int // what the own end of the underlay lets pass in one piece
	result  int // of the last search; 0: none has ended, and not even wantedInside has passed
	doubt   int // what the last search found; when it was less than is wanted or was before, it doesn't count yet
	good    int // the largest that came back in this search
	bad     int // the smallest that did not; 0: none yet
	size    int // being tried; 0: none
	tries   int
	waiting time.Time // until when the present try has time, or when the next search begins
}

// due says whether a probe of some size is to be sent now. While small ones don't come back there is nothing to learn: the search starts over.
func (m *mtuSearch) due(now time.Time, alive bool) (size int, send bool) {
	if !alive {
		*m = mtuSearch{likely: m.likely}
		return 0, false
	}
	if now.Before(m.waiting) {
		return 0, false
	}
	switch {
	case m.size == 0:
		m.good, m.bad, m.tries = 0, 0, 0
		m.size = m.candidate()
	case m.tries >= mtuTries:
		m.bad, m.tries = m.size, 0
		if m.size = m.candidate(); m.size == 0 {
			m.end(now)
			return 0, false
		}
	}
	m.tries++
	m.waiting = now.Add(mtuWait)
	return m.size, true
}

// passed notes a probe of the size being tried that came back.
func (m *mtuSearch) passed(size int, now time.Time) {
	if size != m.size {
		return
	}
	m.good, m.tries, m.waiting = size, 0, now
	if size >= wantedInside && m.result < size {
		m.result = size
	}
	if m.size = m.candidate(); m.size == 0 {
		m.end(now)
	}
}

func (m *mtuSearch) end(now time.Time) {
	m.size, m.tries, m.waiting = 0, 0, now.Add(mtuAgain)
	if (m.good < wantedInside || m.good < m.result) && m.good != m.doubt {
		m.doubt, m.waiting = m.good, now.Add(mtuDoubt)
		return
	}
	m.result, m.doubt = m.good, m.good
}

// candidate is the next size to try; 0 when the answer is known.
func (m *mtuSearch) candidate() int {
	switch {
	case m.good == 0 && m.bad == 0:
		return wantedInside
	case m.bad == 0 && m.good < mtuLargest:
		return mtuLargest
	case m.bad == 0:
		return 0
	case m.good < m.doubt && m.doubt < m.bad: // what is doubted is soon seen to be so, or not
		return m.doubt
	case m.good > 0 && (m.good == m.likely || m.good == m.doubt) && m.bad > m.good+1:
		return m.good + 1
	case m.good < m.likely && m.likely < m.bad:
		return m.likely
	case m.bad-m.good <= 1 || m.bad <= smallest+1:
		return 0
	}
	return max((m.good+m.bad)/2, smallest+1)
}
