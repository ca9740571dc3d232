package web_test

import (
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// offline breaks the page's connection, or mends it.
func (c *chrome) offline(is bool) {
	c.t.Helper()
	c.expects("net::ERR_") // of what cannot be sent
	conditions := []*network.Conditions{{Offline: is, DownloadThroughput: -1, UploadThroughput: -1}}
	if _, err := chromedp.Call(c.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{MatchedNetworkConditions: conditions}); err != nil {
		c.t.Fatal(err)
	}
}

// says is whether a toast with a text stands there.
func says(text string) string {
	return `[...document.querySelectorAll(".toast")].some((t) => t.textContent.includes("` + text + `"))`
}

// can is what may be undone and redone, as the buttons say.
const can = `["undo", "redo"].filter((name) => !document.querySelector('[data-edit="' + name + '"]').disabled).join(" ")`

// answered is part of what is waited for: no edit is on its way any more, and so no message about it.
const answered = ` && !document.querySelector("#edit-bar.busy")`

func TestAStepOfUndoStaysUntilItIsMade(t *testing.T) {
	_, _, c := busyLab(t)
	cables := func(what, js string) {
		t.Helper()
		c.wait(what, js+answered)
	}
	c.chooses("r1", "r2")
	c.types(kb.Delete)
	cables("two nodes to be gone", `document.querySelectorAll(".node").length === 2`)
	c.offline(true)
	c.ctrl("z")
	c.wait("what to do", says("The step is still there. Undo it once the connection is back.")+answered)
	if now := value[string](c, can); now != "undo" {
		t.Errorf("not undone, it can %q", now)
	}
	c.offline(false)
	c.ctrl("z")
	cables("the nodes to be back", `document.querySelectorAll(".node").length === 4 && document.querySelectorAll("#map .link").length === 2`)
	if now := value[string](c, can); now != "redo" {
		t.Errorf("undone, it can %q", now)
	}
	c.offline(true)
	c.ctrl("y")
	c.wait("what to do", says("The step is still there. Redo it once the connection is back.")+answered)
	if now := value[string](c, can); now != "redo" {
		t.Errorf("not redone, it can %q", now)
	}
	c.offline(false)
	c.ctrl("y")
	cables("the nodes to be gone again", `document.querySelectorAll(".node").length === 2`)
	if now := value[string](c, can); now != "undo" {
		t.Errorf("redone, it can %q", now)
	}
}

func TestWhatIsChangedWithoutAConnectionIsKeptAndSentAgain(t *testing.T) {
	s, id, c := busyLab(t)
	const place = `document.querySelector('.node[data-name="h1"]').getAttribute("transform")`
	before := value[string](c, place)
	c.offline(true)
	x, y := c.middle("h1")
	c.do(chromedp.DragAndDropXY(x, y, x+70, y+50))
	c.wait("that it was not made", says("The change was not made: Trunkline cannot be reached.")+answered)
	if now := value[string](c, place); now != before {
		t.Errorf("the node is drawn at %s, and its file says %s", now, before)
	}
	c.chooses("r1", "r2")
	c.types(kb.Delete)
	c.types(kb.Delete) // as one does when nothing happens
	c.wait("both changes in one message", says("2 changes were not made")+` && document.querySelectorAll(".toast.lasting").length === 1`+answered)
	c.do(chromedp.Click(".toast.lasting .button"))
	c.wait("both still to be there", says("2 changes were not made")+answered)
	if now := value[string](c, can); now != "" {
		t.Errorf("it can %q, and nothing was made", now)
	}
	c.offline(false)
	c.do(chromedp.Click(".toast.lasting .button"))
	c.wait("both to be made", `!document.querySelector(".toast.lasting") && document.querySelectorAll(".node").length === 2 && `+place+` !== "`+before+`"`)
	c.ctrl("z")
	c.ctrl("z")
	c.wait("both to be undone", `document.querySelectorAll(".node").length === 4`)
	waitFor(t, "the file as it was", func() bool { return source(t, s, id) == busy })
}

func TestATextWrittenWithoutAConnectionIsKeptOnceItIsBack(t *testing.T) {
	s, id, c := busyLab(t)
	c.types("y")
	c.wait("the lab file", `document.querySelector(".cm-content")`)
	value[bool](c, `(document.querySelector(".cm-content").focus(), true)`)
	c.offline(true)
	c.types("# mine\r")
	c.wait("that it is not kept", `document.getElementById("code-state").textContent === "Not kept: no connection"`)
	if source(t, s, id) != busy {
		t.Error("the file changed without a connection")
	}
	c.offline(false)
	waitFor(t, "the text in the file", func() bool { return source(t, s, id) == "# mine\n"+busy })
	c.wait("that nothing is left to keep", `document.getElementById("code-state").textContent === ""`)
}
