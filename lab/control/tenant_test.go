package control_test

import (
	"context"
	"io"
	"reflect"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// unscoped are the exported methods that are about no lab, each with the reason.
var unscoped = map[string]string{
	"Run": "it is the controller's life", "Close": "it is the controller's life",
	"QuotasChanged": "it only has limits looked at",
	"List":          "it lists the actor's tenant alone", "WatchTenant": "it watches the actor's tenant alone",
	"Check": "it stores nothing", "Networks": "it tells what the actor's tenant has", "Images": "images belong to the site",
	"ImagePolicy": "it is the actor's tenant's or the site's", "SetImagePolicy": "it is the actor's tenant's or the site's",
}

// scoped calls each method about a lab.
var scoped = map[string]func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error{
	"Get": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.Get(ctx, actor, lab)
		return err
	},
	"Import": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, _, err := c.Import(ctx, actor, control.ImportRequest{Replace: lab}, files(map[string]string{"lab.clab.yml": ring("x", 2)}))
		return err
	},
	"Export": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		return c.Export(ctx, actor, lab, io.Discard)
	},
	"Move": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		return c.Move(ctx, actor, lab, map[string]control.Position{"n1": {X: 1}})
	},
	"Deploy": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		return c.Deploy(ctx, actor, lab)
	},
	"Cancel": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		return c.Cancel(ctx, actor, lab)
	},
	"Stop": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		return c.Stop(ctx, actor, lab)
	},
	"Destroy": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		return c.Destroy(ctx, actor, lab, true)
	},
	"Plan": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.Plan(ctx, actor, lab)
		return err
	},
	"NodeAction": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		return c.NodeAction(ctx, actor, lab, "n1", "stop")
	},
	"Edit": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.Edit(ctx, actor, lab, control.EditRequest{Ops: cut("n1:eth1 n2:eth2", true)})
		return err
	},
	"Revisions": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.Revisions(ctx, actor, lab)
		return err
	},
	"Revision": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.Revision(ctx, actor, lab, 1)
		return err
	},
	"CompareRevisions": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.CompareRevisions(ctx, actor, lab, 1, 1)
		return err
	},
	"RestoreRevision": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.RestoreRevision(ctx, actor, lab, 1, control.RestoreRequest{})
		return err
	},
	"SetLink": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.SetLink(ctx, actor, lab, "n1:eth1", control.LinkChange{Cut: new(true)})
		return err
	},
	"Switch": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.Switch(ctx, actor, lab, "n1")
		if fault.Is(err, fault.Invalid) {
			return nil // n1 is no switch: the lab was found
		}
		return err
	},
	"WatchRates": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		ctx, leave := context.WithCancel(ctx)
		defer leave()
		_, err := c.WatchRates(ctx, actor, lab)
		return err
	},
	"WatchLab": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.WatchLab(ctx, actor, lab)
		return err
	},
	"Exec": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		run, err := c.Exec(ctx, actor, lab, "n1", hostapi.ExecRequest{Command: []string{"true"}})
		if run != nil {
			run.Close()
		}
		return err
	},
	"PutFile": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		_, err := c.PutFile(ctx, actor, lab, "n1", "/root/x", "x", 1, strings.NewReader("x"))
		return err
	},
	"GetFile": func(ctx context.Context, c *control.Controller, actor tenancy.Actor, lab string) error {
		content, _, err := c.GetFile(ctx, actor, lab, "n1", "/etc/hostname")
		if content != nil {
			content.Close()
		}
		return err
	},
}

func TestEveryMethodAboutALabIsScoped(t *testing.T) {
	kind := reflect.TypeFor[*control.Controller]()
	for i := range kind.NumMethod() {
		name := kind.Method(i).Name
		_, tested := scoped[name]
		_, ofTheSite := onlyAdmins[name] // tested with the hosts
		if !tested && !ofTheSite && unscoped[name] == "" {
			t.Errorf("%s has no test with another tenant's lab: add one, or say here why it needs none", name)
		}
	}
}

func TestAnotherTenantsLabAnswersLikeAMissingOne(t *testing.T) {
	r := newRig(t).start()
	r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("campus", 2))
	r.deploy(id)
	r.until(id, control.Running)
	ctx := t.Context()
	missing := strings.Repeat("0", len(id))
	for name, call := range scoped {
		for _, refs := range [][2]string{{id, missing}, {"campus", "nowhere"}} {
			got, want := call(ctx, r.control, r.eve, refs[0]), call(ctx, r.control, r.eve, refs[1])
			if !fault.Is(got, fault.NotFound) {
				t.Errorf("%s of another tenant's lab: %v", name, got)
				continue
			}
			if strings.ReplaceAll(got.Error(), refs[0], "X") != strings.ReplaceAll(want.Error(), refs[1], "X") {
				t.Errorf("%s tells another tenant's lab (%v) from a missing one (%v)", name, got, want)
			}
		}
		if err := call(ctx, r.control, tenancy.Actor{}, id); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s by nobody: %v", name, err)
		}
	}
	other := tenancy.Actor{UserID: "bob", TenantID: "alpha", Role: tenancy.Member}
	for name, call := range scoped {
		reads := map[string]bool{"Get": true, "Export": true, "WatchLab": true, "Switch": true, "WatchRates": true, "Revisions": true, "Revision": true, "CompareRevisions": true}[name]
		err := call(ctx, r.control, other, id)
		if reads && err != nil || !reads && !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s by another member: %v", name, err)
		}
	}
	labs, err := r.control.List(ctx, r.eve)
	must(t, err)
	if len(labs) != 0 {
		t.Errorf("another tenant's list shows %v", labs)
	}
	if got := r.get(id); got.State != control.Running {
		t.Errorf("the lab was changed: %+v", got.LabView)
	}
}

func TestEventsStayInTheirTenant(t *testing.T) {
	r := newRig(t).start()
	ctx, cancel := context.WithCancel(t.Context())
	theirs, err := r.control.WatchTenant(ctx, r.eve)
	must(t, err)
	ours, err := r.control.WatchTenant(ctx, r.ada)
	must(t, err)
	id := r.create(ring("campus", 2))
	if e := <-ours; e.LabID != id || e.Lab == nil || e.Lab.State != control.Stored {
		t.Errorf("our event %+v", e)
	}
	must(t, r.control.Destroy(t.Context(), r.ada, id, true))
	for e := range ours {
		if e.Removed {
			break
		}
	}
	cancel()
	for e := range theirs {
		t.Errorf("another tenant was told %+v", e)
	}
	for range ours { // closed with its context
	}
}
