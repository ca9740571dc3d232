package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"trunkline/internal/testkit"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/web/api"
)

// What the public labs call images, and what stands in for them here.
var imageMap = []string{"*=" + host, "*frr*=" + router, "*vyos*=" + router}

// labWithin is how long one public lab may take to become something. The largest has 16 nodes.
const labWithin = 2 * time.Minute

// imported is one line of the report.
type imported struct {
	name, outcome, detail string
	nodes, links          int
	took                  time.Duration
}

// proofs are labs of which more is known than that they run.
var proofs = map[string]func(*rig, string){
	"ciscoittech__containerlab-free-labs__ospf-basics__topology.clab.yml": func(r *rig, lab string) {
		r.answers(lab+"/r1", 2, "Full/", "vtysh", "-c", "show ip ospf neighbor")
		r.answers(lab+"/r3", 2, "Full/", "vtysh", "-c", "show ip ospf neighbor")
		r.reaches(lab+"/r1", "10.0.3.2")
		r.reaches(lab+"/r1", "10.0.3.3")
	},
	"ciscoittech__containerlab-free-labs__bgp-ebgp-basics__topology.clab.yml": func(r *rig, lab string) {
		r.answers(lab+"/r1", 1, "BGP state = Established", "vtysh", "-c", "show bgp neighbors")
	},
	"srl-labs__containerlab__lab-examples__frr01__frr01.clab.yml": func(r *rig, lab string) {
		r.answers(lab+"/router1", 2, "Full/", "vtysh", "-c", "show ip ospf neighbor")
		r.reaches(lab+"/PC1", "192.168.12.2")
	},
	"sflow-rt__containerlab__clos3.yml": func(r *rig, lab string) {
		r.answers(lab+"/leaf1", 2, "BGP state = Established", "vtysh", "-c", "show bgp neighbors")
		r.reaches(lab+"/h1", "172.16.2.2")
	},
}

// answers waits until a command in a node prints the words at least so many times.
func (r *rig) answers(node string, times int, words string, command ...string) {
	r.t.Helper()
	err := testkit.Until(r.t.Context(), within, fmt.Sprintf("%d times %q from %v on %s", times, words, command, node), func() error {
		said, err := r.Say(r.limited(), append([]string{"exec", node, "--"}, command...)...)
		if err == nil && strings.Count(said.Out, words) < times {
			err = fmt.Errorf("it printed\n%s%s", said.Out, said.Err)
		}
		return err
	})
	if err != nil {
		r.t.Error(err)
	}
}

func TestPublicLabsAreImportedAndDeployed(t *testing.T) {
	t.Parallel()
	root := publicLabs(t)
	r := newRig(t, tiny, host, router)
	var report []imported
	for _, file := range labFiles(t, filepath.Join(root, "accept")) {
		name := labName(filepath.Join(root, "accept"), file)
		t.Run(name, func(t *testing.T) {
			r := &rig{Program: r.Program, t: t, host: r.host}
			line := r.tries(name, file)
			report = append(report, line)
			if line.outcome == "refused" || line.outcome == "not deployed" {
				t.Errorf("%s: %s", line.outcome, line.detail)
			}
		})
	}
	for name, proof := range proofs { // routing protocols had the time of all the other labs to settle
		t.Run("works/"+name, func(t *testing.T) {
			r := &rig{Program: r.Program, t: t, host: r.host}
			proof(r, shortName(name))
			r.forgotten(shortName(name))
		})
	}
	refused := refusals(t, r, filepath.Join(root, "refuse"))
	counts := map[string]int{}
	for _, line := range report {
		counts[line.outcome]++
	}
	t.Logf("of %d lab files to accept: %v; of %d to refuse: %d refused\n%s", len(report), counts, len(refused), len(refused), table(append(report, refused...)))
	if said := counts["running"] + counts["degraded"]; len(report) != acceptedLabs || said != acceptedLabs {
		t.Errorf("%d labs were tried and %v came of it, wanted %d that run or say what they lack", len(report), counts, acceptedLabs)
	}
	if counts["running"] < runningLabs {
		t.Errorf("%d labs became running, wanted %d at least", counts["running"], runningLabs)
	}
	r.nothingIsLeft()
}

// What came of the public labs when this was written. More may run one day, none fewer. bgp-ebgp-basics is counted as one that may be
// degraded: its frr.conf and its exec add the same address to r3, and the second of the two is told that it is there.
const (
	acceptedLabs = 40
	runningLabs  = 32
)

// tries imports, deploys, proves and destroys one public lab.
func (r *rig) tries(name, file string) (line imported) {
	line = imported{name: name}
	lab := shortName(name)
	arguments := []string{"lab", "create", "-f", filepath.Dir(file), "--lab-file", filepath.Base(file), "--name", lab, "-o", "json"}
	for _, entry := range imageMap {
		arguments = append(arguments, "--image-map", entry)
	}
	said, err := r.Say(r.limited(), arguments...)
	if err != nil || said.Code != 0 {
		line.outcome, line.detail = "refused", strings.TrimSpace(said.Err)
		return line
	}
	var stored api.Imported
	if err := json.Unmarshal([]byte(said.Out), &stored); err != nil || stored.Lab == nil {
		r.t.Fatalf("lab create -o json prints %q: %v", said.Out, err)
	}
	line.nodes, line.links = stored.Lab.NodeCount, stored.Lab.LinkCount
	proof := proofs[name]
	if proof == nil {
		defer r.forgotten(lab)
	}
	begun := time.Now()
	if _, err := r.Client.Intent(r.limited(), lab, "deploy", nil); err != nil {
		line.outcome, line.detail = "not deployed", err.Error()
		return line
	}
	line.outcome, line.detail = r.settles(lab)
	line.took = time.Since(begun)
	return line
}

// lasting is how long a lab says that it does not run as it should before that is what came of it: what an engine fails at first is tried again.
const lasting = 5 * time.Second

// settles waits until the lab runs, or says why it does not.
func (r *rig) settles(lab string) (outcome, detail string) {
	ctx, cancel := context.WithTimeout(r.t.Context(), labWithin)
	defer cancel()
	view := &control.LabDetail{}
	var since time.Time // when it was first seen as it is
	var state control.State
	err := testkit.Until(ctx, labWithin, "an end of the deploy", func() (err error) {
		if view, err = r.Client.Lab(ctx, lab); err != nil {
			return err
		}
		if view.State != state {
			state, since = view.State, time.Now()
		}
		switch {
		case state == control.Running, (state == control.Degraded || state == control.Failed) && time.Since(since) >= lasting:
			return nil
		}
		return fmt.Errorf("the lab is %s %d/%d, %s", view.State, view.Done, view.Total, view.Step)
	})
	if err != nil {
		r.t.Errorf("%v\n%s", err, nodeWords(view))
		return "stuck", err.Error()
	}
	if view.State != control.Running && !strings.HasSuffix(view.Reason, ".") {
		r.t.Errorf("%s without a sentence: %q", view.State, view.Reason)
	}
	return string(view.State), view.Reason
}

// shortName is the end of a report's name, which fits a lab.
func shortName(name string) string {
	name = strings.TrimSuffix(name, filepath.Ext(name))
	return name[max(0, len(name)-60):]
}

func nodeWords(view *control.LabDetail) string {
	var b strings.Builder
	for _, n := range view.Nodes {
		if n.State != hostapi.NodeRunning {
			fmt.Fprintf(&b, "%s is %s: %s\n", n.Name, n.State, n.Reason)
		}
	}
	return b.String()
}

// forgotten removes the lab and waits until nothing of it is known.
func (r *rig) forgotten(lab string) {
	r.t.Helper()
	r.says(0, nil, "lab", "destroy", lab, "--wait", "--forget")
}

// refusals imports what should be refused, and expects a line for each.
func refusals(t *testing.T, r *rig, root string) (report []imported) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		t.Run("refuse/"+entry.Name(), func(t *testing.T) {
			r := &rig{Program: r.Program, t: t, host: r.host}
			said := r.says(1, nil, "lab", "create", "-f", filepath.Join(root, entry.Name()))
			words := strings.Split(strings.TrimSpace(said.Err), "\n")
			first := strings.TrimSpace(words[min(1, len(words)-1)])
			if !strings.Contains(first, entry.Name()+":") {
				t.Errorf("it is refused without a line of the file:\n%s", said.Err)
			}
			report = append(report, imported{name: entry.Name(), outcome: "refused", detail: strings.TrimPrefix(first, entry.Name()+":")})
		})
	}
	return report
}

// publicLabs finds the public lab files: TRUNKLINE_LABS, or ../shared/labs beside the checkout.
func publicLabs(t *testing.T) string {
	root := os.Getenv("TRUNKLINE_LABS")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "labs")
	}
	root, err := filepath.Abs(root)
	if err == nil {
		_, err = os.Stat(root)
	}
	if err != nil {
		t.Skipf("the public lab files are not here (%v); set TRUNKLINE_LABS to their folder", err)
	}
	return root
}

// labFiles are the lab files below a folder; variables of templates and files that labs bind are none.
func labFiles(t *testing.T, root string) (files []string) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := filepath.Base(path)
		if err == nil && !entry.IsDir() && (strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml")) && !strings.Contains(name, "vars.") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

func labName(root, file string) string {
	relative, err := filepath.Rel(root, file)
	if err != nil {
		return filepath.Base(file)
	}
	return strings.ReplaceAll(filepath.ToSlash(relative), "/", "__")
}

func table(report []imported) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "LAB\tNODES\tLINKS\tOUTCOME\tSECONDS\tWHY")
	for _, l := range report {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%.1f\t%s\n", l.name, l.nodes, l.links, l.outcome, l.took.Seconds(), strings.ReplaceAll(l.detail, "\n", " "))
	}
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return b.String()
}
