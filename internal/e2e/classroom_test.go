package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"trunkline/internal/testkit"
)

// TestAnEveningOfNetworkingInTheBrowser is the product's main job: sign in, take a network that somebody else designed, deploy it on real
// Docker and Open vSwitch, work in its shells, put a file into it, lose nothing by a reload, and leave nothing behind.
func TestAnEveningOfNetworkingInTheBrowser(t *testing.T) {
	p := newPerson(t)
	program := realProgram(t)

	p.firstSignIn(program)
	p.createExample("nlan-bgp")
	p.deploy()

	p.openShell("ce1")
	p.awaitNeighbors(2)
	p.shot("bgp-summary")

	p.openShell("h1a2")
	// The neighbours are there, the routes of all nine routers perhaps not yet: BGP takes some seconds from one end to the other.
	p.types("until ping -c 1 -W 1 172.21.4.2 >/dev/null; do sleep 0.2; done; clear; ping -c 3 -i 0.2 172.21.4.2")
	p.sees(patience, "3 received")
	p.shot("ping-across")

	p.uploadAndCompare("h1a2", 50<<20)
	p.reloadAndGoOn()
	p.destroy()

	out, err := program.Run(t.Context(), "doctor", "--leftovers", "--data", program.Data)
	if err != nil {
		t.Errorf("something is left: %v\n%s", err, out)
	}
}

// firstSignIn uses the one-time link, names the administrator, signs out, and comes back by password.
func (p *person) firstSignIn(program *testkit.Program) {
	p.t.Helper()
	const email, password = "ada@example.org", "correct horse battery staple"
	p.do("open the one-time link", chromedp.Navigate(program.SignInLink), chromedp.Click(`form[action^="/sign-in/"] button`), chromedp.WaitVisible(`input[name="password"]`))
	p.shot("welcome")
	p.do("name the administrator",
		chromedp.SendKeys(`input[name="email"]`, email), chromedp.SendKeys(`input[name="name"]`, "Ada"), chromedp.SendKeys(`input[name="password"]`, password),
		chromedp.Submit(`input[name="password"]`))
	p.until(patience, "the labs are shown", `location.pathname === "/labs"`)
	p.shot("no-labs-yet")
	p.do("sign out", chromedp.Evaluate[chromedp.Void](`document.querySelector('form[action="/sign-out"]').requestSubmit()`))
	p.until(patience, "the door is shown", `location.pathname === "/sign-in"`)
	p.do("sign in with a wrong password", chromedp.WaitVisible(`input[name="email"]`), chromedp.SendKeys(`input[name="email"]`, email),
		chromedp.SendKeys(`input[name="password"]`, "wrong"), chromedp.Submit(`input[name="password"]`))
	p.until(patience, "the mistake is told and the form is filled in", `document.querySelector('input[name="email"]')?.value === "`+email+`" && !!document.querySelector('[role="alert"]')`)
	p.shot("wrong-password")
	p.do("sign in", chromedp.SendKeys(`input[name="password"]`, password), chromedp.Submit(`input[name="password"]`))
	p.until(patience, "the labs are shown", `location.pathname === "/labs"`)
}

func (p *person) createExample(name string) {
	p.t.Helper()
	p.do("open the examples", chromedp.Evaluate[chromedp.Void](`location.href = "/labs/new?from=example"`))
	card := fmt.Sprintf(`form:has(input[name="example"][value=%q]) button`, name)
	p.do("choose "+name, chromedp.WaitReady(card))
	p.shot("examples")
	p.do("create "+name, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q).click()`, card)))
	p.until(patience, "the lab's page is shown", `/^\/labs\/[0-9a-z]+$/.test(location.pathname) && !!document.querySelector("#map .node")`)
	p.shot("stored")
}

func (p *person) deploy() {
	p.t.Helper()
	begun := time.Now()
	p.do("press Deploy", chromedp.Click(`#do-deploy`))
	p.until(patience, "the progress is shown", `["planning", "deploying", "running"].includes(document.querySelector("#lab-status")?.dataset.state)`)
	p.shot("deploying")
	p.awaitLab(patience, "running")
	p.t.Logf("from Deploy to running, as the page shows it: %.1f s", time.Since(begun).Seconds())
	p.until(patience, "every node on the map runs", `[...document.querySelectorAll("#map .node")].every(n => n.dataset.state === "running")`)
	p.until(patience, "every cable on the map is up", `[...document.querySelectorAll("#map .link")].every(l => l.dataset.up === "yes")`)
	p.shot("running")
}

// awaitNeighbors asks the router until so many sessions are established: their last column is then a number of prefixes.
func (p *person) awaitNeighbors(count int) {
	p.t.Helper()
	ask := fmt.Sprintf(`clear; vtysh -c 'show ip bgp summary json' | grep -c '"state":"Established"' | sed 's/^/established: /'`)
	err := testkit.Until(p.ctx, patience, "the BGP sessions are established", func() error {
		p.types(ask)
		p.sees(patience, "established: ")
		if shown := p.terminal(); !containsLine(shown, fmt.Sprintf("established: %d", count)) {
			return fmt.Errorf("the router says:\n%s", shown)
		}
		return nil
	})
	if err != nil {
		p.shot("failed")
		p.t.Fatal(err)
	}
	p.types("clear; vtysh -c 'show ip bgp summary'")
	p.sees(patience, "Total number of neighbors 2")
}

// uploadAndCompare drops a file on the node and compares its hash inside.
func (p *person) uploadAndCompare(node string, size int) {
	p.t.Helper()
	content := make([]byte, size)
	rand.Read(content)
	sum := sha256.Sum256(content)
	file := filepath.Join(p.t.TempDir(), "picture.bin")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.do("take the file in hand", chromedp.Evaluate[chromedp.Void](`{ const i = document.createElement("input"); i.type = "file"; i.id = "in-hand"; i.style = "position:fixed;top:0;left:0;z-index:99;opacity:.01"; document.body.append(i) }`),
		chromedp.SetUploadFiles(`#in-hand`, []string{file}))
	p.do("drop it on "+node, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{
		const files = new DataTransfer(), node = document.querySelector(%q), box = node.getBoundingClientRect();
		files.items.add(document.getElementById("in-hand").files[0]);
		const at = { bubbles: true, cancelable: true, dataTransfer: files, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
		for (const kind of ["dragenter", "dragover", "drop"]) node.dispatchEvent(new DragEvent(kind, at));
		document.getElementById("in-hand").remove();
	}`, nodeOnMap(node))))
	p.shot("uploading")
	p.until(patience, "the upload is told to be done", `document.body.innerText.includes("/root/picture.bin")`)
	p.shot("uploaded")
	p.do("go back to the shell", chromedp.Focus(`#panes .pane:not([hidden]) .xterm-helper-textarea`))
	inside := func() error {
		p.types("clear; sha256sum /root/picture.bin | cut -c-64")
		return testkit.Until(p.ctx, patience, "the hash is the same", func() error {
			if !containsLine(p.terminal(), hex.EncodeToString(sum[:])) {
				return fmt.Errorf("wanted %x, the shell shows:\n%s", sum, p.terminal())
			}
			return nil
		})
	}
	if err := testkit.Until(p.ctx, 2*patience, "the whole file is in the node", inside); err != nil {
		p.shot("failed")
		p.t.Fatal(err)
	}
	p.shot("hash-inside")
}

// reloadAndGoOn shows that it is the same shell by a variable that only it has.
func (p *person) reloadAndGoOn() {
	p.t.Helper()
	p.types("clear; KEPT=forty-two; echo set")
	p.sees(patience, "set")
	p.do("reload the page", chromedp.Reload(), chromedp.WaitVisible(`#panes .pane:not([hidden]) .xterm-rows`))
	p.sees(patience, "set")
	p.do("go back to the shell", chromedp.Focus(`#panes .pane:not([hidden]) .xterm-helper-textarea`))
	p.types("echo still $KEPT")
	p.sees(patience, "still forty-two")
	p.shot("after-reload")
}

func (p *person) destroy() {
	p.t.Helper()
	p.do("press Destroy", chromedp.Click(`#do-destroy`), chromedp.WaitVisible(`#destroy[open]`))
	p.shot("destroy-asked")
	p.do("confirm", chromedp.Click(`#destroy button.danger`))
	p.awaitLab(patience, "stored")
	p.shot("destroyed")
}
