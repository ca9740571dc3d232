package acceptance

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

// What a host stands on is taken away under a running lab and given back.
func TestALabOutlivesTheDeathOfDockerAndOfOpenVSwitch(t *testing.T) {
	t.Parallel()
	r := newRig(t, tiny)
	p := newPage(r)
	r.stores("pair", pair("pair"))
	r.stores("late", pair("late"))
	r.asks("pair", "deploy")
	r.becomes("pair", control.Running)
	r.reaches("pair/a", "10.0.0.2")

	for _, c := range []struct {
		name, word string
		end, start func()
	}{
		{"Docker is dead", "Docker", r.host.KillDocker, r.host.StartDocker},
		{"Open vSwitch is dead", "Open vSwitch", r.host.KillOVS, r.host.StartOVS},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &rig{Program: r.Program, t: t, host: r.host}
			begun := time.Now()
			c.end()
			r.saysWhatIsMissing(&page{t: t, r: r, http: p.http}, c.word)
			told := time.Since(begun)
			c.start()
			begun = time.Now()
			r.becomes("pair", control.Running)
			r.reaches("pair/a", "10.0.0.2")
			t.Logf("everything was told after %v, and the lab was whole %v after the daemon was back", told.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
			r.asksUntilTaken("late", "deploy")
			r.becomes("late", control.Running)
			r.reaches("late/b", "10.0.0.1")
			r.destroys("late")
			r.becomes("pair", control.Running)
			r.says(0, []string{"running"}, "lab", "ls")
		})
	}
	t.Run("the program starts while both are dead", func(t *testing.T) {
		r := &rig{Program: r.Program, t: t, host: r.host}
		r.host.KillDocker()
		r.host.KillOVS()
		r.Kill()
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		p := newPage(r)
		p.shows("/labs", "pair")
		r.until("pair", "a reason in the lab's state", func(d *control.LabDetail) bool { return d.State == control.Degraded && d.Reason != "" })
		r.asks("pair", "destroy")
		r.host.StartOVS()
		r.host.StartDocker()
		r.becomes("pair", control.Stored)
		r.nothingIsLeft()
	})
}

// saysWhatIsMissing expects that a lab which runs and one that is deployed now both name what is dead: in the API, on the command
// line and on the page.
func (r *rig) saysWhatIsMissing(p *page, word string) {
	r.t.Helper()
	names := func(d *control.LabDetail) bool {
		return d.State == control.Degraded && strings.Contains(d.Reason, word)
	}
	shown := r.until("pair", "a reason that names "+word, names)
	r.t.Logf("the running lab: %s", shown.Reason)
	sentence(r.t, shown.Reason)
	// The words of a reason may change while the host finds out more.
	r.sees("degraded and "+shown.Reason+" on the command line", func() error {
		shown = r.until("pair", "a reason that names "+word, names)
		said, err := r.Say(r.limited(), "lab", "show", "pair")
		if err == nil && (said.Code != 0 || !strings.Contains(said.Out, "degraded") || !strings.Contains(said.Out, shown.Reason)) {
			err = fmt.Errorf("lab show exits with %d and says\n%s%s", said.Code, said.Out, said.Err)
		}
		return err
	})
	r.sees("the reason on the page", func() error {
		shown = r.until("pair", "a reason that names "+word, names)
		code, text := p.send("GET", "/labs/"+shown.ID, nil)
		if code != http.StatusOK || !strings.Contains(plain(text), shown.Reason) {
			return fmt.Errorf("the page answers %d, without %q:\n%.3000s", code, shown.Reason, text)
		}
		return nil
	})
	if word == "Docker" {
		r.says(1, []string{"Docker"}, "exec", "pair/a", "--", "true")
	}

	said, err := r.Say(r.limited(), "lab", "deploy", "late", "--wait", "--timeout", "1m")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Logf("a deploy: exit code %d, %s", said.Code, strings.TrimSpace(said.Err))
	if said.Code != 1 || !strings.Contains(said.Err, word) {
		r.t.Errorf("lab deploy exits with %d and says %s", said.Code, said.Err)
	}
	if _, err := r.Client.Intent(r.limited(), "late", "destroy", nil); err != nil {
		r.t.Errorf("destroy of a lab that could not be deployed: %v", err)
	}
}

// sees waits until something is shown.
func (r *rig) sees(what string, look func() error) {
	r.t.Helper()
	if err := testkit.Until(r.t.Context(), within, what, look); err != nil {
		r.t.Error(err)
	}
}

// asksUntilTaken sends an intent until the host is known to be well again.
func (r *rig) asksUntilTaken(lab, verb string) {
	r.t.Helper()
	err := testkit.Until(r.t.Context(), within, "a "+verb+" of "+lab, func() error {
		_, err := r.Client.Intent(r.limited(), lab, verb, nil)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// sentence checks that it reads as one and tells nothing of the inside.
func sentence(t *testing.T, text string) {
	t.Helper()
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") || strings.ContainsAny(text, "\n{}") || strings.Contains(text, "exit status") || strings.Contains(text, "0x") {
		t.Errorf("%q is not a plain sentence", text)
	}
}

func TestADeployIsCancelledHalfWayAndTwoAtOnceAreOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, tiny)
	p := newPage(r)
	r.stores("ring", ring("ring", 12))

	t.Run("two deploys at once are one", func(t *testing.T) {
		r := &rig{Program: r.Program, t: t, host: r.host}
		answers := make(chan error, 8)
		for range cap(answers) {
			go func() {
				_, err := r.Client.Intent(r.limited(), "ring", "deploy", nil)
				answers <- err
			}()
		}
		for range cap(answers) {
			if err := <-answers; err != nil && !fault.Is(err, fault.Conflict) {
				t.Errorf("a deploy among others answers %v", err)
			}
		}
		if d := r.until("ring", "a step of the deploy", func(d *control.LabDetail) bool { return d.Done > 0 || d.State == control.Running }); d.Generation != 1 {
			t.Errorf("the lab is of generation %d after deploys at once", d.Generation)
		}
	})
	t.Run("another version during a deploy waits", func(t *testing.T) {
		r := &rig{Program: r.Program, t: t, host: r.host}
		r.says(0, nil, "lab", "deploy", "ring", "--wait")
		r.destroys("ring")
		r.replaces("ring", endless("ring", 12))
		r.asks("ring", "deploy")
		r.until("ring", "a first step", func(d *control.LabDetail) bool { return d.State == control.Deploying })
		r.replaces("ring", ring("ring", 11))
		_, err := r.Client.Intent(r.limited(), "ring", "deploy", nil)
		if !fault.Is(err, fault.Conflict) {
			t.Fatalf("a deploy of another version answers %v", err)
		}
		sentence(t, fault.Sentence(err))
		r.says(1, []string{"being deployed"}, "lab", "deploy", "ring")
		view, err := r.Client.Lab(r.limited(), "ring")
		if err != nil {
			t.Fatal(err)
		}
		_, text := p.send("POST", "/labs/"+view.ID+"/deploy", nil)
		p.says("POST deploy", text, "being deployed")
	})
	t.Run("cancelled half-way nothing is left", func(t *testing.T) {
		r := &rig{Program: r.Program, t: t, host: r.host}
		r.destroys("ring")
		r.replaces("ring", endless("ring", 11))
		r.asks("ring", "deploy")
		r.until("ring", "the middle of the deploy", func(d *control.LabDetail) bool { return d.State == control.Deploying && d.Done*4 >= d.Total })
		r.says(0, nil, "lab", "cancel", "ring")
		r.becomes("ring", control.Stored)
		r.nothingIsLeft()
		r.says(1, []string{"nothing to cancel"}, "lab", "cancel", "ring")
		r.says(0, []string{"stored"}, "lab", "ls")
	})
}

// endless is a ring whose deploy does not come to its end: a command in the first node goes on.
func endless(name string, n int) string {
	return strings.Replace(ring(name, n), "n0: {kind: linux}", "n0: {kind: linux, exec: [sleep 1000]}", 1)
}
