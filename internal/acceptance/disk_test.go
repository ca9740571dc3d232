package acceptance

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/control"
)

// The disk under the data folder fills up and becomes free again.
func TestAFullDiskIsToldAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	r := newRig(t, tiny)
	r.Stop()
	r.host.Run("sh", "-c", "rm -rf "+r.host.Data()+"/* && mount -t tmpfs -o size=24m,mode=711 tmpfs "+r.host.Data())
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := newPage(r)
	r.stores("ring", ring("ring", 4))
	stuffing := filepath.Join(r.host.Data(), "stuffing")
	fill := func() { r.host.Run("sh", "-c", "dd if=/dev/zero of="+stuffing+" bs=4k 2>/dev/null; true") }
	free := func() { r.host.Run("rm", stuffing) }

	fill()
	t.Run("an import", func(t *testing.T) { (&rig{Program: r.Program, t: t, host: r.host}).importsNothing(t, p) })
	t.Run("a deploy", func(t *testing.T) {
		r := &rig{Program: r.Program, t: t, host: r.host}
		if _, err := r.Client.Intent(r.limited(), "ring", "deploy", nil); err != nil {
			r.aboutTheDisk(err)
		} else {
			d := r.until("ring", "a reason about the disk", func(d *control.LabDetail) bool {
				return strings.Contains(d.Reason, "disk") || strings.Contains(d.Reason, "space")
			})
			sentence(t, d.Reason)
			r.sees("the lab's reason on the page", func() error { // its words may change
				d, err := r.Client.Lab(r.limited(), "ring")
				if err != nil {
					return err
				}
				if _, text := p.send("GET", "/labs/"+d.ID, nil); d.Reason == "" || !strings.Contains(plain(text), d.Reason) {
					return fmt.Errorf("the page does not say %q:\n%.3000s", d.Reason, text)
				}
				return nil
			})
		}
		p.shows("/labs", "ring")
		r.says(0, []string{"ring"}, "lab", "ls")
	})
	free()
	r.asks("ring", "deploy")
	r.becomes("ring", control.Running)
	r.reaches("ring/n0", "10.0.0.2")
	t.Run("an upload", func(t *testing.T) {
		r := &rig{Program: r.Program, t: t, host: r.host}
		fill()
		_, err := r.Client.PutFile(r.limited(), "ring", "n0", "/root/", "big.img", 1<<20, strings.NewReader(strings.Repeat("x", 1<<20)))
		r.aboutTheDisk(err)
		free()
		r.says(1, nil, "exec", "ring/n0", "--", "test", "-e", "/root/big.img")
	})
	t.Run("a destroy", func(t *testing.T) {
		r := &rig{Program: r.Program, t: t, host: r.host}
		fill()
		_, err := r.Client.Intent(r.limited(), "ring", "destroy", nil)
		if err != nil {
			r.aboutTheDisk(err)
		}
		free()
		r.destroys("ring")
	})
	r.nothingIsLeft()
}

// importsNothing sends a file by API, command line and page while the disk is full.
func (r *rig) importsNothing(t *testing.T, p *page) {
	r.t.Helper()
	big := pair("big") + "# " + strings.Repeat("x", 1<<20) + "\n"
	err := r.imports("big", big)
	r.aboutTheDisk(err)
	file := filepath.Join(t.TempDir(), "big.clab.yml")
	if err := os.WriteFile(file, []byte(big), 0o600); err != nil {
		t.Fatal(err)
	}
	r.says(1, []string{"The disk is full."}, "lab", "create", "-f", file)
	_, text := p.send("POST", "/labs", url.Values{"yaml": {big}})
	p.says("POST /labs", text, "The disk is full.")
}

// aboutTheDisk expects a refusal that a person can act on.
func (r *rig) aboutTheDisk(err error) {
	r.t.Helper()
	text := fault.Sentence(err)
	if err == nil || fault.Is(err, fault.Internal) || !strings.Contains(text, "disk") && !strings.Contains(text, "space") {
		r.t.Errorf("with a full disk it answers %v (code %s)", err, fault.CodeOf(err))
		return
	}
	sentence(r.t, text)
}
