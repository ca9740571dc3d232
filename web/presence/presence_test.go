package presence_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/web/presence"
)

var lab = presence.Lab{Tenant: "campus", ID: "l1"}

func names(people []presence.Here) []string {
	list := []string{}
	for _, p := range people {
		list = append(list, p.Name)
	}
	return list
}

func heard(t *testing.T, s *presence.Seat) presence.News {
	t.Helper()
	select {
	case <-s.Woken():
	default:
		t.Fatal("nobody told the page of it")
	}
	news, some := s.News()
	if !some {
		t.Fatal("the page was woken for nothing")
	}
	return news
}

func TestWhoComesIsSeenWithWhatIsChosenAndIsGoneAgain(t *testing.T) {
	board := &presence.Board{}
	mia := board.Join(lab, presence.Person{ID: "u1", Name: "Mia"})
	you := heard(t, mia).You
	otto := board.Join(lab, presence.Person{ID: "u2", Name: "Otto", Guest: true})
	first := heard(t, otto)
	if len(first.People) != 2 || first.You == "" || first.You == you {
		t.Errorf("the second one is told %+v", first)
	}
	came := heard(t, mia)
	if len(came.People) != 1 || came.People[0].Name != "Otto" || !came.People[0].Guest || came.People[0].Colour == 0 {
		t.Errorf("the first one is told %+v", came)
	}
	choice := presence.Choice{Nodes: []string{"r1"}, Links: []string{"r1:eth1 r2:eth1"}, Line: 7}
	if err := board.Choose(lab, you, "u1", choice, time.Now()); err != nil {
		t.Fatal(err)
	}
	if seen := heard(t, otto).People; len(seen) != 1 || !reflect.DeepEqual(seen[0].Choice, choice) {
		t.Errorf("what is chosen is seen as %+v", seen)
	}
	mia.Leave()
	mia.Leave()
	if gone := heard(t, otto); len(gone.Left) != 1 || gone.Left[0] != you {
		t.Errorf("who left is told as %+v", gone)
	}
	if err := board.Choose(lab, you, "u1", choice, time.Now()); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a page that left chose: %v", err)
	}
}

func TestNobodyChoosesForAnotherAndRoomsOfTenantsAreApart(t *testing.T) {
	board := &presence.Board{}
	mia := board.Join(lab, presence.Person{ID: "u1", Name: "Mia"})
	seat := heard(t, mia).You
	if err := board.Choose(lab, seat, "u2", presence.Choice{}, time.Now()); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("somebody chose for another: %v", err)
	}
	other := presence.Lab{Tenant: "other", ID: lab.ID}
	if err := board.Choose(other, seat, "u1", presence.Choice{}, time.Now()); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a seat counts in the lab of another tenant: %v", err)
	}
	eve := board.Join(other, presence.Person{ID: "u9", Name: "Eve"})
	if seen := names(heard(t, eve).People); !reflect.DeepEqual(seen, []string{"Eve"}) {
		t.Errorf("in another tenant's lab of the same id are %v", seen)
	}
}

func TestPagesOfOnePersonHaveOneColourAndFreeColoursAreGivenAgain(t *testing.T) {
	board := &presence.Board{}
	a := board.Join(lab, presence.Person{ID: "u1", Name: "Mia"})
	board.Join(lab, presence.Person{ID: "u1", Name: "Mia"})
	board.Join(lab, presence.Person{ID: "u2", Name: "Otto"})
	colours := map[string]map[int]bool{}
	for _, p := range heard(t, a).People {
		if colours[p.Name] == nil {
			colours[p.Name] = map[int]bool{}
		}
		colours[p.Name][p.Colour] = true
	}
	if want := map[string]map[int]bool{"Mia": {0: true}, "Otto": {1: true}}; !reflect.DeepEqual(colours, want) {
		t.Errorf("colours are %v, want %v", colours, want)
	}
}

func TestARoomIsBounded(t *testing.T) {
	board := &presence.Board{}
	for range presence.MaxOwnSeats + 3 {
		board.Join(lab, presence.Person{ID: "u1", Name: "Mia"})
	}
	for i := range presence.MaxSeats + 10 {
		board.Join(lab, presence.Person{ID: fmt.Sprint("p", i), Name: strings.Repeat("x", 500)})
	}
	late := board.Join(lab, presence.Person{ID: "late", Name: "Late"})
	news := heard(t, late)
	if len(news.People) != presence.MaxSeats || news.You != "" {
		t.Errorf("%d pages are in a full room, and the last one has the seat %q", len(news.People), news.You)
	}
	own := 0
	for _, p := range news.People {
		if p.Name == "Mia" {
			own++
		}
		if len(p.Name) > 64 {
			t.Errorf("a name has %d characters", len(p.Name))
		}
	}
	if own != presence.MaxOwnSeats {
		t.Errorf("one person has %d seats", own)
	}
}

func TestWhatIsChosenIsBoundedInSizeAndInPace(t *testing.T) {
	board := &presence.Board{}
	seat := heard(t, board.Join(lab, presence.Person{ID: "u1", Name: "Mia"})).You
	at := time.Now()
	for what, c := range map[string]presence.Choice{
		"too many nodes":   {Nodes: make([]string, presence.MaxChosen+1)},
		"a name too long":  {Links: []string{strings.Repeat("x", presence.MaxID+1)}},
		"an empty name":    {Nodes: []string{""}},
		"a line below 0":   {Line: -1},
		"no valid letters": {Nodes: []string{"\xff"}},
	} {
		if err := board.Choose(lab, seat, "u1", c, at); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused := 0
	for range 100 {
		if err := board.Choose(lab, seat, "u1", presence.Choice{}, at); fault.CodeOf(err) == fault.Exhausted {
			refused++
		}
	}
	if refused != 100-24 {
		t.Errorf("%d of 100 choices at once were refused", refused)
	}
	if err := board.Choose(lab, seat, "u1", presence.Choice{}, at.Add(time.Second)); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

func TestAPageThatBeginsAnewIsToldEverything(t *testing.T) {
	board := &presence.Board{}
	s := board.Join(lab, presence.Person{ID: "u1", Name: ""})
	first := heard(t, s)
	if _, some := s.News(); some {
		t.Error("there are news where nothing has changed")
	}
	s.Restart()
	again, some := s.News()
	if !some || !reflect.DeepEqual(again, first) || again.People[0].Name != "Guest" {
		t.Errorf("told at first %+v and then %+v", first, again)
	}
}
