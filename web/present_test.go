package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/tenancy"
	"trunkline/web/presence"
)

// people reads who is in the lab from a stream until it is so.
func people(t *testing.T, stream <-chan string, what string, is func(map[string]presence.Here) bool) (you string) {
	t.Helper()
	here := map[string]presence.Here{}
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		select {
		case line, open := <-stream:
			if !open {
				t.Fatalf("%s: the stream ended", what)
			}
			body, told := strings.CutPrefix(line, "people ")
			if !told {
				continue
			}
			var news presence.News
			if err := json.Unmarshal([]byte(body), &news); err != nil {
				t.Fatal(err)
			}
			if news.You != "" {
				you = news.You
			}
			for _, p := range news.People {
				here[p.Seat] = p
			}
			for _, seat := range news.Left {
				delete(here, seat)
			}
			if is(here) {
				return you
			}
		case <-limit.C:
			t.Fatalf("%s: it did not come; here are %v", what, here)
		}
	}
}

func named(here map[string]presence.Here, name string) (presence.Here, bool) {
	for _, p := range here {
		if p.Name == name {
			return p, true
		}
	}
	return presence.Here{}, false
}

func choosing(b *browser, lab, seat, node string) answer {
	return b.do("POST", "/labs/"+lab+"/presence", strings.NewReader(fmt.Sprintf(`{"seat":%q,"nodes":[%q]}`, seat, node)), "Content-Type", "application/json", "Accept", "application/json")
}

func TestAGuestIsSeenAndSeesWhatIsChosenUntilTheShareEnds(t *testing.T) {
	h := newHouse(t)
	h.person("mia", "physics", tenancy.Member)
	eve, otto := h.person("eve", "maths", tenancy.Owner), h.person("otto", "maths", tenancy.Owner)
	id := h.sharedLab("mia", "physics", "ospf-triangle")
	actor, err := h.accounts.ActorOf(t.Context(), "u-mia", "physics")
	h.must(err)
	share, _, err := h.shares.Share(t.Context(), actor, id, tenancy.ShareRequest{With: "eve@example.edu", Level: tenancy.LevelView})
	h.must(err)
	mia := h.signedIn("mia@example.edu")
	hers, guests := events(t, mia, "/labs/"+id+"/events"), events(t, eve, "/labs/"+id+"/events")
	people(t, hers, "the guest", func(here map[string]presence.Here) bool { p, is := named(here, "eve"); return is && p.Guest })
	seat := people(t, guests, "the owner", func(here map[string]presence.Here) bool { _, is := named(here, "mia"); return is })
	choosing(eve, id, seat, "r1").want(t, http.StatusNoContent)
	people(t, hers, "what the guest has chosen", func(here map[string]presence.Here) bool {
		p, is := named(here, "eve")
		return is && len(p.Nodes) == 1 && p.Nodes[0] == "r1"
	})
	choosing(mia, id, seat, "r2").want(t, http.StatusConflict)  // that seat is another's
	choosing(otto, id, seat, "r2").want(t, http.StatusNotFound) // nobody shares the lab with him
	choosing(otto, "000000000000", seat, "r2").want(t, http.StatusNotFound)
	h.must(h.shares.EndShare(t.Context(), actor, id, share.ID))
	if gone := next(t, hers, "people "); !strings.Contains(gone, `"left":["`+seat+`"]`) {
		t.Errorf("when the share has ended the owner is told %s", gone)
	}
	choosing(eve, id, seat, "r3").want(t, http.StatusNotFound)
}
