package host

import (
	"testing"

	"trunkline/lab/hostapi"
)

func TestAContainerIsMadeAnewWhenItIsAskedForAndElseKept(t *testing.T) {
	spec := hostapi.NodeSpec{Name: "n1", Image: "trunkline/tiny"}
	before := SpecHash(spec)
	spec.Restarts, spec.Run = 3, hostapi.Stopped
	if SpecHash(spec) != before {
		t.Error("a restart makes another container")
	}
	spec.Remade = 1
	once := SpecHash(spec)
	spec.Remade = 2
	if twice := SpecHash(spec); once == before || twice == once {
		t.Errorf("hashes are %s, once anew %s, twice %s", before, once, twice)
	}
}
