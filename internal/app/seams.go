package app

import (
	"net/http"

	"trunkline/lab/control"
	"trunkline/web"
)

// Seams are where tests put something of theirs between the parts, to prove that a part which forgot a check is found out. A program leaves
// them empty.
type Seams struct {
	Control func(*control.Config) // the controller of labs and what it stores by
	Web     func(*web.Config)     // the pages
}

func (s Seams) control(c control.Config) control.Config {
	if s.Control != nil {
		s.Control(&c)
	}
	return c
}

func (s Seams) web(c web.Config) web.Config {
	if s.Web != nil {
		s.Web(&c)
	}
	return c
}

// Handler answers every request; it is ready once Open returned.
func (c *Controller) Handler() http.Handler { return c.web.Handler() }

// Beside lists what is mounted beside the table of routes and the API, as patterns of net/http.
func (c *Controller) Beside() []string { return c.web.Beside() }
