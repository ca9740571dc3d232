// Package presence knows who is looking at which lab at this moment, and what each of them has chosen there.
//
// All of it is in memory, and for no longer than somebody is there: nothing is stored. It refuses to know labs, rights and HTTP: whoever joins a
// room has been let in already, and leaves it with the connection.
package presence

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// Limits of a room. Who comes when it is full sees the others and is not seen.
const (
	MaxSeats    = 64 // pages in one lab
	MaxOwnSeats = 8  // pages of one person in one lab
	MaxChosen   = 64 // nodes, and cables, that one page has chosen
	MaxID       = 200
	MaxLine     = 1 << 20
	Colours     = 8
)

// choicesPerSecond and burst bound how often one page may choose: somebody who drags a frame over the map stays below.
const (
	choicesPerSecond = 8
	burst            = 24
)

// Lab is the lab that a room belongs to. Its tenant keeps rooms of different tenants apart, whatever their labs are called.
type Lab struct{ Tenant, ID string }

// Person is who comes. ID tells people apart and is shown to nobody.
type Person struct {
	ID, Name string
	Guest    bool
}

// Choice is what somebody has chosen.
type Choice struct {
	Nodes []string `json:"nodes,omitempty"`
	Links []string `json:"links,omitempty"` // ids
	Line  int      `json:"line,omitempty"`  // of the lab file, where somebody writes in it; 0: nobody does
}

// Here is one page that somebody has open, as others see it.
type Here struct {
	Seat   string `json:"seat"`
	Who    int    `json:"who"` // the same for all pages of one person
	Name   string `json:"name"`
	Guest  bool   `json:"guest,omitempty"`
	Colour int    `json:"colour"` // 0 to Colours-1; two people have the same only when there are more of them than colours
	Choice
}

// News is what has changed in a room since it was last asked for.
type News struct {
	You    string   `json:"you,omitempty"` // the own seat
	People []Here   `json:"people"`        // who came, or has chosen something else
	Left   []string `json:"left,omitempty"`
}

// Board is the rooms of all labs. The zero value is ready.
type Board struct {
	mu    sync.Mutex
	rooms map[Lab]*room
}

// room is one lab in which somebody is.
type room struct {
	people   map[string]*person // by id
	seats    map[string]*Seat
	watching map[*Seat]struct{} // those who have no seat too
}

type person struct{ who, colour, seats int }

// Seat is one page that is open. It hears of the others until it is left.
type Seat struct {
	board *Board
	lab   Lab
	id    string // "": the room was full, and nobody sees this one
	owner string
	wake  chan struct{}
	limit *rate.Limiter

	here    Here           // below board.mu, as all that follows
	version int            // of here
	told    map[string]int // versions of others' seats that it was told
	greeted bool
}

// Join opens a seat; Leave has to be called.
func (b *Board) Join(lab Lab, who Person) *Seat {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rooms == nil {
		b.rooms = map[Lab]*room{}
	}
	r := b.rooms[lab]
	if r == nil {
		r = &room{people: map[string]*person{}, seats: map[string]*Seat{}, watching: map[*Seat]struct{}{}}
		b.rooms[lab] = r
	}
	s := &Seat{board: b, lab: lab, owner: who.ID, wake: make(chan struct{}, 1), limit: rate.NewLimiter(choicesPerSecond, burst), told: map[string]int{}}
	r.watching[s] = struct{}{}
	s.stir()
	if known := r.people[who.ID]; len(r.seats) >= MaxSeats || known != nil && known.seats >= MaxOwnSeats {
		return s
	}
	p := r.person(who.ID)
	p.seats++
	s.id = ident.New()
	s.here = Here{Seat: s.id, Who: p.who, Name: clean(who.Name), Guest: who.Guest, Colour: p.colour}
	r.seats[s.id] = s
	r.stir(s)
	return s
}

// person is who has the id, with the lowest number that is free, so that colours differ as long as there are some.
func (r *room) person(id string) *person {
	if p := r.people[id]; p != nil {
		return p
	}
	taken := map[int]bool{}
	for _, p := range r.people {
		taken[p.who] = true
	}
	p := &person{}
	for taken[p.who] {
		p.who++
	}
	p.colour = p.who % Colours
	r.people[id] = p
	return p
}

// clean is a name that can be shown: on one line and not endless.
func clean(name string) string {
	runes := []rune(cmp.Or(name, "Guest"))
	for i, c := range runes {
		if unicode.IsControl(c) {
			runes[i] = ' '
		}
	}
	return string(runes[:min(len(runes), 64)])
}

// Leave takes the page out of the room; it may be called twice.
func (s *Seat) Leave() {
	b := s.board
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.rooms[s.lab]
	if r == nil {
		return
	}
	if _, there := r.watching[s]; !there {
		return
	}
	delete(r.watching, s)
	if s.id != "" {
		delete(r.seats, s.id)
		p := r.people[s.owner]
		if p.seats--; p.seats == 0 {
			delete(r.people, s.owner)
		}
		r.stir(s)
	}
	if len(r.watching) == 0 {
		delete(b.rooms, s.lab)
	}
}

// Woken receives when there are news; of no seat at all never. One word stands for any number of changes: a slow reader is told the newest state, and nothing piles up.
func (s *Seat) Woken() <-chan struct{} {
	if s == nil {
		return nil
	}
	return s.wake
}

// Restart lets the next News tell everything, for a page that begins anew.
func (s *Seat) Restart() {
	s.board.mu.Lock()
	defer s.board.mu.Unlock()
	clear(s.told)
	s.greeted = false
}

// News is what has changed since the last call, at first everything; some is false when that is nothing.
func (s *Seat) News() (news News, some bool) {
	s.board.mu.Lock()
	defer s.board.mu.Unlock()
	news.People = []Here{}
	r := s.board.rooms[s.lab]
	if r == nil {
		return news, false
	}
	if !s.greeted {
		s.greeted, some, news.You = true, true, s.id
	}
	for _, id := range slices.Sorted(maps.Keys(r.seats)) {
		other := r.seats[id]
		if version, told := s.told[id]; !told || version != other.version {
			s.told[id] = other.version
			news.People = append(news.People, other.here)
		}
	}
	for id := range s.told {
		if r.seats[id] == nil {
			delete(s.told, id)
			news.Left = append(news.Left, id)
		}
	}
	return news, some || len(news.People) > 0 || len(news.Left) > 0
}

// Choose tells the others what the page with this seat has chosen. Only who holds the seat may: any other is fault.Conflict, as a seat that is gone.
// Codes: invalid, exhausted, conflict.
func (b *Board) Choose(lab Lab, seat, owner string, choice Choice, now time.Time) error {
	if err := choice.check(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var s *Seat
	if r := b.rooms[lab]; r != nil {
		s = r.seats[seat]
	}
	switch {
	case s == nil || s.owner != owner:
		return fault.New(fault.Conflict, "This page is not connected any more. It connects again by itself.")
	case !s.limit.AllowN(now, 1):
		return fault.New(fault.Exhausted, "That is chosen too often. The others see the next choice.")
	}
	s.here.Choice = choice
	s.version++
	b.rooms[lab].stir(s)
	return nil
}

func (c Choice) check() error {
	if len(c.Nodes) > MaxChosen || len(c.Links) > MaxChosen {
		return fault.New(fault.Invalid, "Others see at most %d nodes and %d cables of what is chosen. Send no more.", MaxChosen, MaxChosen).InField("nodes")
	}
	for _, id := range slices.Concat(c.Nodes, c.Links) {
		if id == "" || len(id) > MaxID || !utf8.ValidString(id) {
			return fault.New(fault.Invalid, "A node or cable has a name of 1 to %d bytes.", MaxID).InField("nodes")
		}
	}
	if c.Line < 0 || c.Line > MaxLine {
		return fault.New(fault.Invalid, "The file has no line %d.", c.Line).InField("line")
	}
	return nil
}

// stir wakes everybody in the room but the one who caused it.
func (r *room) stir(but *Seat) {
	for s := range r.watching {
		if s != but {
			s.stir()
		}
	}
}

func (s *Seat) stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
