package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"trunkline/internal/testkit"
)

// where things are drawn, in the window: where the map is also while the panel is open, which opens by itself a moment after something is chosen.
var drawnAt = []struct {
	kind string
	at   spot
}{
	{"router", spot{420, 200}}, {"router", spot{760, 200}}, {"switch", spot{420, 400}},
	{"linux", spot{260, 560}}, {"linux", spot{420, 600}}, {"linux", spot{580, 560}}, {"linux", spot{720, 400}}, {"internet", spot{240, 220}},
}

// TestANetworkIsDrawnRunAndBrokenByHand begins with an empty map. By mouse and keyboard alone two routers, a switch with two VLANs, four hosts
// and a way out are drawn, get their addresses and run; a cable is moved under a ping, one is cut, one lets nothing pass one way; five steps
// are taken back and done again.
func TestANetworkIsDrawnRunAndBrokenByHand(t *testing.T) {
	program := realProgram(t)
	p := newPerson(t)
	p.do("sign in by the one-time link", chromedp.Navigate(program.SignInLink), chromedp.Click(`form[action^="/sign-in/"] button`), chromedp.WaitVisible(`input[name="password"]`))
	d := p.emptyLab(program)
	d.drawsAll()
	d.setsVLANs()
	d.writesRouting()
	d.fills()
	detail, err := program.Client.Lab(t.Context(), "drawn")
	if err != nil {
		t.Fatal(err)
	}
	if len(detail.Lab.Nodes) != 8 || len(detail.Lab.Links) != 8 {
		t.Errorf("%d nodes and %d cables were drawn:\n%s", len(detail.Lab.Nodes), len(detail.Lab.Links), detail.Source)
	}
	p.deploy()
	d.vlansAreSeparateAndRoutersRoute()
	before := d.document()
	d.movesTheCableUnderAPing()
	d.cutsACable()
	d.blocksOneWay()
	d.setsMTUAndMovesANode()
	d.takesBackAndDoesAgain(before)
	p.destroy()
}

// drawing is a person who draws, with the names of what was drawn.
type drawing struct {
	*person
	program                              *testkit.Program
	r1, r2, sw, h1, h2, h3, h4, internet string
	toVLAN10, toVLAN20                   string            // cables of r1 to the switch
	address                              map[string]string // of "h1:eth1", without its length
}

// emptyLab writes a lab without nodes, which is drawn from there.
func (p *person) emptyLab(program *testkit.Program) *drawing {
	p.t.Helper()
	p.do("start with an empty lab", chromedp.Navigate(program.URL+"/labs/new?from=paste"), chromedp.WaitVisible(`#yaml`), chromedp.SendKeys(`#yaml`, "name: drawn\ntopology:\n  nodes: {}\n"),
		chromedp.Click(`#paste-form button.main`))
	p.until(patience, "the empty map is shown", `/^\/labs\/[0-9a-z]+$/.test(location.pathname) && document.querySelector("#teach")?.hidden === false`) // which the editor says once it listens
	p.shot("empty")
	return &drawing{person: p, program: program, address: map[string]string{}}
}

// drawsAll takes everything from the palette and connects it.
func (d *drawing) drawsAll() {
	d.t.Helper()
	var names []string
	d.do("choose how near the map is, which then stays", chromedp.Click(`[data-map="out"]`))
	for _, one := range drawnAt {
		d.drag("drag "+one.kind+" from the palette", d.middle(fmt.Sprintf(`#palette [data-kind=%q]`, one.kind)), one.at)
		d.until(patience, "another node is drawn", fmt.Sprintf(`document.querySelectorAll("#map .node").length === %d`, len(names)+1))
		d.settled()
		for _, name := range d.strings(`[...document.querySelectorAll("#map .node")].map((n) => n.dataset.name)`) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		d.closesPanel()
	}
	d.t.Logf("drawn: %q", names)
	d.r1, d.r2, d.sw, d.h1, d.h2, d.h3, d.h4, d.internet = names[0], names[1], names[2], names[3], names[4], names[5], names[6], names[7]
	d.shot("nodes-drawn")
	d.toVLAN10 = d.connects(d.r1, d.sw)
	d.toVLAN20 = d.connects(d.r1, d.sw)
	for _, ends := range [][2]string{{d.sw, d.h1}, {d.sw, d.h3}, {d.sw, d.h2}, {d.r1, d.r2}, {d.r2, d.h4}, {d.internet, d.r1}} {
		d.connects(ends[0], ends[1])
	}
	d.shot("cabled")
}

// connects drags a cable from the handle beside a node to another node, and returns the cable.
func (d *drawing) connects(a, b string) string {
	d.t.Helper()
	before := d.cables()
	from := d.body(a)
	d.do("point at "+a, chromedp.MouseEvent(chromedp.MouseMoved, from.x-4, from.y), chromedp.MouseEvent(chromedp.MouseMoved, from.x, from.y))
	d.until(patience, "the handle is offered", `document.querySelector("#map .handle.plug").getAttribute("display") !== "none"`)
	d.drag("draw a cable from "+a+" to "+b, d.middle(`#map .handle.plug circle`), d.body(b))
	d.until(patience, "the cable is there", fmt.Sprintf(`document.querySelectorAll("#map .link").length === %d`, len(before)+1))
	d.settled()
	d.closesPanel()
	for _, id := range d.cables() {
		if !slices.Contains(before, id) {
			return id
		}
	}
	d.t.Fatalf("there is no new cable among %q", before)
	return ""
}

// setsVLANs writes the VLAN of each port into the panel of the switch.
func (d *drawing) setsVLANs() {
	d.t.Helper()
	d.choosesNode(d.sw)
	vlans := map[string]string{port(d.toVLAN10, d.sw): "10", port(d.toVLAN20, d.sw): "20"}
	for host, vlan := range map[string]string{d.h1: "10", d.h3: "10", d.h2: "20"} {
		vlans[port(d.cableBetween(host, d.sw), d.sw)] = vlan
	}
	for name, vlan := range vlans {
		field := fmt.Sprintf(`#inspector input[aria-label="VLAN of %s"]`, name)
		d.do("write the VLAN of "+name, chromedp.Click(field), press(vlan), chromedp.KeyEvent(kb.Tab))
		d.until(patience, "the VLAN is kept", fmt.Sprintf(`document.querySelector(%q)?.getAttribute("value") === %q`, field, vlan))
		d.settled()
	}
	d.shot("vlans")
	d.closesPanel()
}

// writesRouting lets the two routers speak OSPF on their common cable, by the keyboard in the lab file beside the map.
func (d *drawing) writesRouting() {
	d.t.Helper()
	between := d.cableBetween(d.r1, d.r2)
	d.do("open the lab file", chromedp.Click(`.tools [data-do="side"]`), chromedp.Click(`[data-sheet="yaml"]`), chromedp.WaitVisible(`#code .cm-content`))
	for _, router := range []string{d.r2, d.r1} { // from below, so that both are in view
		line := d.rests(fmt.Sprintf(`(() => {
			const lines = [...document.querySelectorAll("#code .cm-line")], at = lines.findIndex((l) => l.textContent === "    %s:");
			const b = lines.slice(at).find((l) => l.textContent.includes("kind: router"))?.getBoundingClientRect();
			return b ? [b.x + 90, b.y + 8] : [-1, -1];
		})()`, router))
		d.clickAt("go to the kind of "+router, line)
		d.do("write its routing below", chromedp.KeyEvent(kb.End),
			press(fmt.Sprintf("\rrouting: {ospf: {areas: {0: [%s]}, redistribute: [connected], hello: 1, dead: 4}}", port(between, router))), ctrl("s"))
		d.until(patience, "the file is kept", `document.querySelector("#code-save").disabled && document.querySelector("#code-state").textContent === ""`)
		d.settled()
	}
	d.shot("routing-written")
	if text := d.document(); strings.Count(text, "hello: 1, dead: 4}}\n") != 2 {
		d.t.Fatalf("the routing is not in\n%s", text)
	}
	d.closesPanel()
}

// fills presses the button that gives addresses, and learns them from the lab.
func (d *drawing) fills() {
	d.t.Helper()
	d.do("fill the addresses", chromedp.Click(`#edit-bar [data-edit="fill"]`))
	d.until(patience, "addresses were filled in", `document.querySelector('#edit-bar [data-edit="undo"]').title.includes("address")`)
	d.settled()
	d.shot("filled")
	detail, err := d.program.Client.Lab(d.ctx, "drawn")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, link := range detail.Lab.Links {
		for end, addresses := range map[string][]string{link.A.String(): texts(link.A.Addresses), link.B.String(): texts(link.B.Addresses)} {
			for _, a := range addresses {
				if before, _, _ := strings.Cut(a, "/"); strings.Contains(before, ".") {
					d.address[end] = before
				}
			}
		}
	}
	d.t.Logf("addresses: %v", d.address)
	for _, host := range []string{d.h1, d.h2, d.h3, d.h4} {
		if d.address[host+":eth1"] == "" {
			d.t.Fatalf("%s has no address:\n%s", host, detail.Source)
		}
	}
}

func texts[T fmt.Stringer](list []T) []string {
	all := make([]string, len(list))
	for i, one := range list {
		all[i] = one.String()
	}
	return all
}
