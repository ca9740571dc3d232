package host

import (
	"os"
	"path/filepath"
	"testing"

	"trunkline/internal/fault"
)

func TestADroppedJournalIsNotMadeAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l1.journal")
	j := newJournal(path, "boot")
	if err := j.note(record{Node: "n1", Opened: "x#1"}); err != nil {
		t.Fatal(err)
	}
	if err := j.drop(); err != nil {
		t.Fatal(err)
	}
	if err := j.note(record{Node: "n1", Opened: "x#2"}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a note after the drop answers %v, want conflict", err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the journal is there again: %v", err)
	}
	j.restore()
	if err := j.note(record{Node: "n1", Opened: "x#3"}); err != nil {
		t.Errorf("a note after the drop was taken back: %v", err)
	}
}

func TestTheJournalTellsOfAContainerThatWasAskedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l1.journal")
	asked := true
	j := newJournal(path, "boot")
	for _, r := range []record{{Node: "n1", Making: &asked}, {Node: "n1", Making: new(bool)}, {Node: "n2", Making: &asked}} {
		if err := j.note(r); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	next := newJournal(path, "boot")
	if err := next.open(); err != nil {
		t.Fatal(err)
	}
	defer next.close()
	if !next.making() || next.memo("n1").Making || !next.memo("n2").Making {
		t.Errorf("making: %v, n1 %v, n2 %v; want n2 alone", next.making(), next.memo("n1").Making, next.memo("n2").Making)
	}
	if err := next.note(record{Node: "n2", Gone: true}); err != nil {
		t.Fatal(err)
	}
	if next.making() {
		t.Error("a container that is gone is still being made")
	}
}
