package acceptance

import (
	"strings"
	"testing"
	"time"

	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

func TestAProgramThatEndsLeavesLabsRunningAndTheNextAdoptsThem(t *testing.T) {
	t.Parallel()
	r := newRig(t, tiny)
	r.stores("pair", pair("pair"))
	r.asks("pair", "deploy")
	r.becomes("pair", control.Running)
	r.reaches("pair/a", "10.0.0.2")
	containers := r.host.Run("docker", "ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}")

	t.Run("a second program on the same folder is refused", func(t *testing.T) {
		second, err := r.host.TryUp(testkit.Binaries(t))
		if err == nil {
			second.Stop()
			t.Fatal("two programs share a data folder")
		}
		if code := second.ExitCode(); code != 1 {
			t.Errorf("it exits with %d", code)
		}
		said := strings.TrimSpace(second.Output())
		if !strings.Contains(said, r.host.Data()) || !strings.Contains(said, "--data") || strings.Count(said, "\n") > 0 {
			t.Errorf("it says %q", said)
		}
		r.reaches("pair/a", "10.0.0.2") // the first goes on
	})
	r.Stop()
	if code := r.ExitCode(); code != 0 {
		t.Errorf("after SIGTERM the program exits with %d\n%s", code, r.logTail())
	}
	if !strings.Contains(r.Output(), "Labs go on running") {
		t.Errorf("it does not say what becomes of labs:\n%s", r.logTail())
	}
	if now := r.host.Run("docker", "ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}"); now != containers {
		t.Errorf("containers were\n%s\nand after the end\n%s", containers, now)
	}
	t.Run("the doctor names what belongs to no lab", func(t *testing.T) {
		labs := r.host.Data() + "/host/labs"
		r.host.Run("mv", labs, labs+".away")
		said, err := r.SayHere(t.Context(), append([]string{"doctor", "--leftovers", "--data", r.host.Data()}, r.host.Flags()...)...)
		r.host.Run("sh", "-c", "rmdir "+labs+" && mv "+labs+".away "+labs)
		if err != nil || said.Code != 1 || strings.Count(said.Out, "container ") != 2 || strings.Count(said.Out, "veth ") != 2 || !strings.Contains(said.Out, "flow of tl") {
			t.Errorf("with two nodes of no lab it exits with %d, %v:\n%s%s", said.Code, err, said.Out, said.Err)
		}
	})
	begun := time.Now()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ready := time.Since(begun)
	r.becomes("pair", control.Running)
	t.Logf("the second start was ready after %v, and had the lab after %v", ready.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
	if now := r.host.Run("docker", "ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}"); now != containers {
		t.Errorf("containers were\n%s\nand after the second start, which is no start any more but a new deploy,\n%s", containers, now)
	}
	r.reaches("pair/a", "10.0.0.2")
	r.destroys("pair")
	r.nothingIsLeft()
}
