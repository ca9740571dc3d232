package web_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"trunkline/internal/fault"
)

func TestAChangeThatIsRefusedIsSaidAndNothingOfItIsLost(t *testing.T) {
	s, id, c := busyLab(t)
	c.expects("status of 501")
	const sentence, place = "No host fits h1. Nothing was changed.", `document.querySelector('.node[data-name="h1"]').getAttribute("transform")`
	s.World.RefuseEdits(fault.New(fault.Unsupported, sentence))
	before := value[string](c, place)
	x, y := c.middle("h1")
	c.do(chromedp.DragAndDropXY(x, y, x+70, y+50))
	c.wait("why it was not moved", says(sentence))
	c.wait("it to be drawn where it is", place+` === "`+before+`"`)
	if now := value[string](c, can); now != "" {
		t.Errorf("it can %q, and nothing was made", now)
	}
	c.do(chromedp.Click(`.toast.error [data-do="close-toast"]`))
	c.types("y")
	c.wait("the lab file", `document.querySelector(".cm-content")`)
	value[bool](c, `(document.querySelector(".cm-content").focus(), true)`)
	c.types("# mine\r")
	c.wait("why it is not kept", says(sentence)+` && document.getElementById("code-state").textContent === "Not kept"`)
	if kept := value[string](c, `document.querySelector(".cm-line").textContent`); kept != "# mine" || source(t, s, id) != busy {
		t.Errorf("the editor begins with %q, and the file is\n%s", kept, source(t, s, id))
	}
	s.World.RefuseEdits(nil)
	c.ctrl("s")
	waitFor(t, "the text in the file", func() bool { return source(t, s, id) == "# mine\n"+busy })
	c.wait("that nothing is left to mend", `document.getElementById("code-state").textContent === "" && !document.querySelector(".toast.error")`)
}
