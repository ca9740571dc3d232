package logtail_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"trunkline/lab/agent/logtail"
)

func TestWhatIsLoggedIsRememberedAndPassedOn(t *testing.T) {
	var out bytes.Buffer
	tail := logtail.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	log := slog.New(tail).With("part", "host")
	log.Debug("not wanted")
	log.Info("one", "n", 1)
	log.WithGroup("g").Warn("two", "n", 2)
	lines := tail.Lines(10)
	if len(lines) != 2 || !strings.Contains(lines[0], `level=INFO msg=one part=host n=1`) || !strings.Contains(lines[1], "level=WARN msg=two part=host g.n=2") {
		t.Errorf("remembered %q", lines)
	}
	if got := strings.Count(out.String(), "\n"); got != 2 {
		t.Errorf("%d lines were passed on", got)
	}
	if got := tail.Lines(1); len(got) != 1 || got[0] != lines[1] {
		t.Errorf("the last line is %q", got)
	}
	if logtail.New(tail) != tail {
		t.Error("a tail is wrapped twice")
	}
}

func TestOnlyTheLastLinesAreKept(t *testing.T) {
	tail := logtail.New(slog.DiscardHandler)
	if got := tail.Lines(5); len(got) != 0 {
		t.Errorf("nothing was logged, and remembered is %q", got)
	}
	on := logtail.New(slog.NewTextHandler(&bytes.Buffer{}, nil))
	log := slog.New(on)
	for i := range logtail.Kept + 7 {
		log.Info(fmt.Sprintf("line-%d", i))
	}
	log.Info(strings.Repeat("é", 5000) + "end")
	lines := on.Lines(2 * logtail.Kept)
	if len(lines) != logtail.Kept || !strings.HasSuffix(lines[0], "msg=line-8") || !strings.HasSuffix(lines[logtail.Kept-2], fmt.Sprintf("msg=line-%d", logtail.Kept+6)) {
		t.Errorf("%d lines, the first %q and the last but one %q", len(lines), lines[0], lines[len(lines)-2])
	}
	if long := lines[len(lines)-1]; len(long) > 2100 || !strings.HasSuffix(long, " …") {
		t.Errorf("a long line has %d bytes", len(long))
	}
}

func TestManyMayLogAtOnce(t *testing.T) {
	tail := logtail.New(slog.NewTextHandler(&bytes.Buffer{}, nil))
	log := slog.New(tail)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 300 {
				log.Info("x")
				tail.Lines(3)
			}
		})
	}
	all.Wait()
	if got := len(tail.Lines(logtail.Kept)); got != logtail.Kept {
		t.Errorf("%d lines are kept", got)
	}
}
