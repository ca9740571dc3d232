package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// wayOut is the address of an internet node that says no other.
const wayOut = "10.255.0.1"

// vlansAreSeparateAndRoutersRoute pings inside a VLAN, between them by the router, behind the other router, and out of the lab; then it tries
// to go from one VLAN to the other without the router.
func (d *drawing) vlansAreSeparateAndRoutersRoute() {
	d.t.Helper()
	until := func(address, words string) {
		d.t.Helper()
		d.asks(patience, "until ping -c 1 -W 1 "+address+" >/dev/null; do sleep 0.2; done; echo "+words[:3]+"''"+words[3:], words)
	}
	d.openShell(d.h1)
	until(d.address[d.h3+":eth1"], "same VLAN answers")
	until(d.address[d.h2+":eth1"], "the other VLAN answers by the router")
	until(d.address[d.h4+":eth1"], "both routers route")
	d.shot("vlans-routed")
	// h2 as a neighbour on the same wire: it is in the other VLAN, so nobody answers for it. Back then to the route by the router.
	d.asks(patience, fmt.Sprintf("ip route add %[1]s dev eth1; ping -c 3 -i 0.2 -W 1 %[1]s; ip route del %[1]s dev eth1; echo sep''arate", d.address[d.h2+":eth1"]), "separate")
	if shown := d.terminal(); !strings.Contains(shown, " 0 received") {
		d.t.Errorf("a host of the other VLAN answers without a router:\n%s", shown)
	}
	d.shot("vlans-separate")
	d.openShell(d.r1)
	until(wayOut, "the way out answers")
	d.shot("way-out")
}

// reply is one that ping -D prints: when it came, its number, and the hops that are left.
var reply = regexp.MustCompile(`\[(\d+\.\d+)\] \d+ bytes from \S+ icmp_seq=(\d+) ttl=(\d+) time=(\S+)`)

// movesTheCableUnderAPing drags the end of the cable of h4 from r2 to r1 while h4 pings h1. By one router less a hop less is used: so the first
// reply by the new way is known.
func (d *drawing) movesTheCableUnderAPing() {
	d.t.Helper()
	cable := d.cableBetween(d.r2, d.h4)
	started := d.startedAt(d.h4)
	d.openShell(d.h4)
	d.types("clear; ping -D -i 0.05 " + d.address[d.h1+":eth1"])
	d.sees(patience, "ttl=62")
	d.choosesCable(cable)
	end := "a"
	if strings.HasPrefix(cable, d.h4+":") {
		end = "b"
	}
	from, to := d.middle(fmt.Sprintf(`#map .handle.end[data-end=%q] circle`, end)), d.body(d.r1)
	d.shot("cable-in-hand")
	d.do("watch the drop", chromedp.Evaluate[chromedp.Void](`addEventListener("pointerup", () => (window.droppedAt ??= Date.now()), { capture: true })`))
	d.drag("drag the end from r2 to r1", from, to)
	d.sees(patience, "ttl=63")
	d.until(patience, "the cable leads to "+d.r1, fmt.Sprintf(`!document.querySelector(%q)`, cableOnMap(cable)))
	d.settled()
	d.until(patience, "the panel says that the cable is up", `document.querySelector("#inspector .state")?.textContent.trim() === "up"`)
	d.shot("cable-moved")
	d.focusesShell()
	d.do("stop the ping", ctrl("c"))
	d.sees(patience, "packets transmitted")
	d.shot("ping-went-on")
	d.judgesTheDrop(evaluate[float64](d.person, `window.droppedAt`))
	if now := d.startedAt(d.h4); !now.Equal(started) {
		d.t.Errorf("%s started at %v and now at %v: a cable was moved, nothing more", d.h4, started, now)
	}
	d.asks(patience, "ping -c 3 -i 0.2 -W 2 "+d.address[d.h1+":eth1"], "3 received")
}

// judgesTheDrop prints the time from a moment (milliseconds) to the first reply by the new way. The clock in the node is this machine's.
func (d *drawing) judgesTheDrop(dropped float64) {
	d.t.Helper()
	var last, lastNumber float64
	for _, m := range reply.FindAllStringSubmatch(d.terminal(), -1) {
		at, _ := strconv.ParseFloat(m[1], 64)
		number, _ := strconv.ParseFloat(m[2], 64)
		if m[3] == "62" {
			last, lastNumber = at*1000, number
			continue
		}
		took := at*1000 - dropped
		d.t.Logf("from the drop of the cable to the first reply by the other router: %.0f ms (%.0f ms without a reply, %.0f pings unanswered, it took %s ms)", took, at*1000-last, number-lastNumber-1, m[4])
		if last == 0 || took > 10_000 {
			d.t.Errorf("the ping was not back within 10 s")
		}
		return
	}
	d.t.Errorf("no reply by the new way in:\n%s", d.terminal())
}

func (d *drawing) startedAt(node string) time.Time {
	d.t.Helper()
	detail, err := d.program.Client.Lab(d.ctx, "drawn")
	if err != nil {
		d.t.Fatal(err)
	}
	for _, n := range detail.Nodes {
		if n.Name == node {
			return n.StartedAt.Truncate(time.Second)
		}
	}
	d.t.Fatalf("the lab has no %s", node)
	return time.Time{}
}

// cutsACable cuts h1's cable by its panel, and looks at the carrier in the shell.
func (d *drawing) cutsACable() {
	d.t.Helper()
	d.backTo(d.h1)
	d.asks(patience, "cat /sys/class/net/eth1/carrier | sed 's/^/carrier: /'", "carrier: 1")
	d.choosesCable(d.cableBetween(d.h1, d.sw))
	d.do("cut it", chromedp.WaitVisible(`[data-cable="cut"]`), chromedp.Click(`[data-cable="cut"]`))
	d.until(patience, "it can be mended", `!!document.querySelector('[data-cable="mend"]')`)
	d.settled()
	d.focusesShell()
	d.asks(patience, "until ip link show eth1 | grep NO-CARRIER; do sleep 0.1; done; cat /sys/class/net/eth1/carrier | sed 's/^/carrier: /'", "carrier: 0")
	d.until(patience, "the map shows it", fmt.Sprintf(`document.querySelector(%q).dataset.up === "down"`, cableOnMap(d.cableBetween(d.h1, d.sw))))
	d.shot("cut")
}

// blocksOneWay lets nothing pass to h3 any more: its carrier stays.
func (d *drawing) blocksOneWay() {
	d.t.Helper()
	d.openShell(d.h3)
	gateway := d.address[d.r1+":"+port(d.toVLAN10, d.r1)]
	d.asks(patience, "ping -c 2 -i 0.2 -W 2 "+gateway, "2 received")
	cable := d.cableBetween(d.sw, d.h3)
	d.choosesCable(cable)
	way := "a-to-b"
	if strings.HasPrefix(cable, d.h3+":") {
		way = "b-to-a"
	}
	both := `#cable-both`
	loss := fmt.Sprintf(`#cable-form [name="%s.loss"]`, way)
	d.do("lose all frames one way", chromedp.WaitVisible(loss), chromedp.Click(both), chromedp.Click(loss), press("100%"), chromedp.KeyEvent(kb.Tab))
	d.until(patience, "the loss is kept", fmt.Sprintf(`document.querySelector(%q)?.getAttribute("value") === "100%%"`, loss))
	d.settled()
	d.shot("one-way-set")
	d.focusesShell()
	d.asks(patience, "while ping -c 1 -W 1 "+gateway+" >/dev/null; do sleep 0.1; done; cat /sys/class/net/eth1/carrier | sed 's/^/nothing comes, carrier: /'", "nothing comes, carrier: 1")
	d.shot("one-way")
}

// setsMTUAndMovesANode makes two more steps to take back.
func (d *drawing) setsMTUAndMovesANode() {
	d.t.Helper()
	d.do("set the MTU", chromedp.Click(`#cable-mtu`), press("1400"), chromedp.KeyEvent(kb.Tab))
	d.until(patience, "the MTU is kept", `document.querySelector("#cable-mtu")?.getAttribute("value") === "1400"`)
	d.settled()
	at := d.body(d.internet)
	d.drag("move the internet", at, spot{at.x + 30, at.y - 20})
	d.settled()
}

// takesBackAndDoesAgain undoes the five steps and does them again; the file is then exactly what it was, and so is the network.
func (d *drawing) takesBackAndDoesAgain(before string) {
	d.t.Helper()
	after := d.document()
	d.clickAt("leave the shell for the map", d.body(d.sw))
	for i := range 5 {
		d.do(fmt.Sprintf("Ctrl+Z, %d of 5", i+1), ctrl("z"))
		d.settled()
	}
	d.shot("undone")
	if now := d.document(); now != before {
		d.t.Errorf("after five steps back the file is\n%s\nwanted\n%s", now, before)
	}
	d.backTo(d.h1)
	d.asks(patience, "until ping -c 1 -W 1 "+d.address[d.h4+":eth1"]+" | grep ttl=62; do sleep 0.2; done; cat /sys/class/net/eth1/carrier | sed 's/^/as before, carrier: /'", "as before, carrier: 1")
	d.shot("as-before")
	d.clickAt("leave the shell for the map", d.body(d.sw))
	for i := range 5 {
		d.do(fmt.Sprintf("Ctrl+Y, %d of 5", i+1), ctrl("y"))
		d.settled()
	}
	d.shot("redone")
	if now := d.document(); now != after {
		d.t.Errorf("after five steps forward again the file is\n%s\nwanted\n%s", now, after)
	}
	d.backTo(d.h1)
	d.asks(patience, "until ip link show eth1 | grep NO-CARRIER; do sleep 0.1; done; cat /sys/class/net/eth1/carrier | sed 's/^/carrier: /'", "carrier: 0")
	d.openShell(d.h2)
	d.asks(patience, "until ping -c 1 -W 1 "+d.address[d.h4+":eth1"]+" | grep ttl=63; do sleep 0.2; done; echo one rou''ter", "one router")
	d.shot("as-after")
}
