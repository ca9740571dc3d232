package host

import (
	"testing"

	"trunkline/lab/hostapi"
)

type noEngine struct{ Engine }

type noFabric struct{ Fabric }

// The loop's own status, on its way while a worker forgot the lab, once came after the lab's end: the lab was "stopping" for ever.
func TestAStatusOnItsWayDoesNotBringAForgottenLabBack(t *testing.T) {
	x, err := New(Config{HostID: "h", StateDir: t.TempDir(), Engine: noEngine{}, Fabric: noFabric{}})
	if err != nil {
		t.Fatal(err)
	}
	const id = "lab1"
	l := x.newLoop(id, 0)
	l.desire(kept{Removed: true})
	x.labs[id] = l
	status := hostapi.LabStatus{ID: id, Done: 100, Total: 101, Step: "removing"}
	x.hub.setLab(status)
	if err := l.forgetLab(); err != nil {
		t.Fatal(err)
	}
	x.hub.setLab(status) // the loop was about to tell it
	(<-l.results)()
	if told, there := x.hub.lab(id); there || !l.gone {
		t.Errorf("it is still told of: %+v", told)
	}
}

func TestALabWantedAgainKeepsItsStatus(t *testing.T) {
	x, err := New(Config{HostID: "h", StateDir: t.TempDir(), Engine: noEngine{}, Fabric: noFabric{}})
	if err != nil {
		t.Fatal(err)
	}
	const id = "lab1"
	x.labs[id] = x.newLoop(id, 0)
	x.hub.setLab(hostapi.LabStatus{ID: id, Generation: 2})
	x.tellGone(id) // the loop before it
	if _, there := x.hub.lab(id); !there {
		t.Error("the new lab is not told of any more")
	}
}
