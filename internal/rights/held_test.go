package rights_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/lab/hostapi"
	"trunkline/tenancy"
	"trunkline/web"
)

// soon is how long a stream or websocket may take to end after the rights did.
const soon = 10 * time.Second

// endings are the ways in which somebody may lose what keeps a stream open, and what the last words have to say.
var endings = []struct {
	name  string
	end   func(s *site, t *tenant, victim *actor)
	words string
}{
	{"the person is removed", func(s *site, t *tenant, victim *actor) {
		s.ask(t.people["owner"].token, "DELETE", "/api/v1/members/"+victim.who.UserID, "", nil)
	}, "You were removed from this workspace by "},
	{"the role is taken", func(s *site, t *tenant, victim *actor) {
		s.ask(t.people["owner"].token, "PATCH", "/api/v1/members/"+victim.who.UserID, `{"role":"observer"}`, nil)
	}, "Your role in "},
	{"the workspace is deleted", func(s *site, t *tenant, victim *actor) {
		s.ask(t.people["owner"].token, "DELETE", "/api/v1/workspace?confirm="+t.name, "", nil)
	}, "The workspace "},
}

func TestEveryStreamAndWebsocketEndsWithItsReason(t *testing.T) {
	m := newMatrix(t, seams{})
	kinds, held := map[web.Kind]int{}, 0
	for _, a := range addresses() {
		if a.kind == web.Plain {
			continue
		}
		in, known := inputOf(a)
		if !known {
			t.Errorf("%s has no input", a.key)
			continue
		}
		kinds[a.kind]++
		for _, ending := range endings {
			home := m.settle(m.name("held"))
			victim := m.person("victim", home, tenancy.Owner, expected(a, home.people["owner"], tenancy.ObjectRef{Tenant: home.id}) != allowed)
			if victim.who.SiteAdmin && ending.words == "Your role in " {
				continue // an administrator of the site keeps what he may, whatever his role is
			}
			held++
			took, words := m.hold(a, in, victim, func() { ending.end(m.site, home, victim) })
			if !strings.Contains(words, ending.words) {
				t.Errorf("%s, when %s, ends with %q", a.key, ending.name, words)
			}
			if took > soon {
				t.Errorf("%s, when %s, ends after %s", a.key, ending.name, took)
			}
		}
	}
	t.Logf("%d streams and %d websockets held open, %d times in all", kinds[web.Stream], kinds[web.Socket], held)
}

// hold opens the address, takes the rights when the first words came, and returns how long it took to end and what came until then.
func (m *matrix) hold(a address, in input, victim *actor, end func()) (took time.Duration, words string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	var r refs
	if in.of != "" {
		r = sources[in.of](m.site, victim.home, victim, false)
	}
	out := m.sign(in.call(m.site, a, r), a, in, victim)
	next := m.listen(ctx, a, out)
	next()
	end()
	started := time.Now()
	var said strings.Builder
	for {
		words, err := next()
		said.WriteString(words + "\n")
		if err != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return time.Since(started), "nothing: it stayed open. " + said.String()
	}
	return time.Since(started), said.String()
}

// listen opens a stream or a websocket and returns what reads its next words; the end is an error, which may have words of its own.
func (m *matrix) listen(ctx context.Context, a address, out *request) (next func() (string, error)) {
	m.t.Helper()
	if a.kind == web.Socket {
		conn, answer := m.dial(ctx, out)
		if conn == nil {
			m.t.Fatalf("%s is refused: %d", a.key, answer.status)
		}
		m.t.Cleanup(func() { conn.CloseNow() })
		if a.api {
			text, err := json.Marshal(hostapi.ExecRequest{TTY: true, Command: []string{}})
			must(m.t, err)
			must(m.t, conn.Write(ctx, websocket.MessageText, text))
		}
		return func() (string, error) {
			_, message, err := conn.Read(ctx)
			if err != nil {
				return err.Error(), err
			}
			return string(message), nil
		}
	}
	h, err := http.NewRequestWithContext(ctx, out.method, m.url+out.path, nil)
	must(m.t, err)
	h.Header.Set("Sec-Fetch-Site", "same-origin")
	if out.cookie != "" {
		h.Header.Set("Cookie", out.cookie)
	} else {
		h.Header.Set("Authorization", "Bearer "+out.token)
	}
	answer, err := m.client.Do(h)
	must(m.t, err)
	m.t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != http.StatusOK || !endless(answer.Header) {
		m.t.Fatalf("%s is no stream: %s", a.key, answer.Status)
	}
	lines := bufio.NewReader(answer.Body)
	return func() (string, error) {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line != "" {
			return line, nil
		}
		return line, err
	}
}
