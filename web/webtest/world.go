// Package webtest is a Trunkline without hosts and without a database: labs that deploy by a clock, nodes whose shells echo,
// files that are kept in memory. The pages run on it in tests and in web/devserver.
//
// It knows the services that web declares and the real lab files. It refuses to know Docker, networks and SQL.
package webtest

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"trunkline/examples"
	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/format"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
	"trunkline/web"
)

// World is all services at once.
type World struct {
	Pace   time.Duration // how long one step of a deploy takes; 0 is at once
	Spread []string      // names of the hosts that nodes are placed on; none: lab-host-1

	RatesEvery time.Duration // how often what labs carry is told; 0: a second

	mu       sync.Mutex
	refusal  error // of edits; nil: they are made
	labs     []*labState
	users    map[string]*user
	accounts *tenancy.Accounts
	services *tenancy.Services
	links    map[string]string // one-time secret to user id
	watchers map[chan control.Event]watcher
	files    map[string][]byte              // lab/node/path
	policies map[string]control.ImagePolicy // by tenant; "" is the site's
	changes  int                            // of policies
	fleet    fleet
	rates    rates
	work     sync.WaitGroup
	ctx      context.Context
	cancel   context.CancelFunc
}

type user struct {
	email, password string
	actor           tenancy.Actor
}

type watcher struct {
	tenant, lab string
}

type labState struct {
	view     control.LabView
	source   string
	lab      *lab.Lab
	nodes    map[string]*control.NodeView
	places   map[string]control.Position
	files    []control.ProjectFile
	versions []version          // of its file, once somebody edits it or asks
	cancel   context.CancelFunc // the deploy under way
}

// Password is the password of every account of the world.
const Password = "correct horse battery"

// New makes a world with an administrator ("admin"), a member ("mia"), an observer ("otto") and somebody of another tenant ("eve").
// The one-time link of the administrator has the secret "first".
func New() *World {
	w := &World{
		users: map[string]*user{}, links: map[string]string{"first": "u-admin"},
		watchers: map[chan control.Event]watcher{}, files: map[string][]byte{}, policies: map[string]control.ImagePolicy{},
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	add := func(name, tenant string, role tenancy.Role, site bool) {
		id := "u-" + name
		w.users[id] = &user{email: name, password: Password, actor: tenancy.Actor{UserID: id, UserName: name, TenantID: tenant, Role: role, SiteAdmin: site}}
	}
	add("admin", "campus", tenancy.Owner, true)
	add("mia", "campus", tenancy.Member, false)
	add("otto", "campus", tenancy.Observer, false)
	add("eve", "other", tenancy.Owner, false)
	w.fleet = newFleet()
	book := newBook(w)
	w.accounts = tenancy.NewAccounts(people{book}, nil, book, nil)
	w.services = tenancy.NewServices(bookOfServices{book}, w.accounts, nil)
	return w
}

// Close ends what runs.
func (w *World) Close() {
	w.cancel()
	w.work.Wait()
}

// Actor is one of the world's people.
func (w *World) Actor(name string) tenancy.Actor { return w.users["u-"+name].actor }

// AddExample stores an example as a lab and returns its id.
func (w *World) AddExample(actor tenancy.Actor, name string) (string, error) {
	files, err := examples.Files(name)
	if err != nil {
		return "", err
	}
	detail, _, err := w.Import(context.Background(), actor, control.ImportRequest{}, files)
	if err != nil {
		return "", err
	}
	return detail.ID, nil
}

// Examples are the real ones.
type Examples struct{}

// List returns every example.
func (Examples) List() []web.Example {
	var list []web.Example
	for _, e := range examples.List() {
		list = append(list, web.Example{Name: e.Name, Title: e.Title, Summary: e.Summary, Nodes: e.Nodes, Links: e.Links})
	}
	return list
}

// Files opens one.
func (Examples) Files(name string) (web.FileSource, error) { return examples.Files(name) }

// List returns the tenant's labs, the newest first.
func (w *World) List(_ context.Context, actor tenancy.Actor) ([]control.LabView, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var views []control.LabView
	for i := len(w.labs) - 1; i >= 0; i-- {
		if w.labs[i].view.Tenant == actor.TenantID {
			views = append(views, w.labs[i].view)
		}
	}
	return views, nil
}

// findLocked is the one place that knows whose lab is whose.
func (w *World) findLocked(actor tenancy.Actor, name string) (*labState, error) {
	for _, l := range w.labs {
		if l.view.Tenant == actor.TenantID && (l.view.ID == name || l.view.Name == name) {
			return l, nil
		}
	}
	return nil, tenancy.Missing("such lab")
}

// Get returns a lab.
func (w *World) Get(_ context.Context, actor tenancy.Actor, name string) (*control.LabDetail, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.findLocked(actor, name)
	if err != nil {
		return nil, err
	}
	return l.detail(), nil
}

func (l *labState) detail() *control.LabDetail {
	d := &control.LabDetail{LabView: l.view, Revision: l.revision(), Source: l.source, File: "topology.clab.yml", Lab: l.lab, Files: l.files, Places: map[string]control.Position{}}
	for _, n := range l.lab.Nodes {
		d.Nodes = append(d.Nodes, *l.nodes[n.Name])
	}
	for name, p := range l.places {
		d.Places[name] = p
	}
	return d
}

// Check parses without storing.
func (w *World) Check(_ context.Context, _ tenancy.Actor, _ control.ImportRequest, files web.FileSource) (control.Report, error) {
	_, _, report, err := parse(files)
	return report, err
}

// parse reads a project with the real parser.
func parse(files web.FileSource) (string, *format.Result, control.Report, error) {
	contents := map[string][]byte{}
	file := ""
	for {
		name, _, r, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", nil, control.Report{}, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return "", nil, control.Report{}, err
		}
		contents[name] = data
		if strings.HasSuffix(name, ".clab.yml") || strings.HasSuffix(name, ".clab.yaml") {
			file = name
		}
	}
	if file == "" {
		return "", nil, control.Report{}, fault.New(fault.Invalid, "There is no lab file (*.clab.yml) in this upload.")
	}
	result, err := format.Parse(format.Input{File: file, Data: contents[file], HasFile: func(p string) bool { return contents[p] != nil }})
	report := control.Report{}
	if result != nil {
		report = control.Report{Mapped: lines(result.Mapped), Changed: lines(result.Changed), Dropped: lines(result.Dropped)}
	}
	if err != nil {
		report.Refused = lines(fault.Public(err).Details)
	}
	return string(contents[file]), result, report, err
}

func lines(places []fault.Place) []control.ReportLine {
	var list []control.ReportLine
	for _, p := range places {
		list = append(list, control.ReportLine{Place: p})
	}
	return list
}

// Import stores a lab.
func (w *World) Import(_ context.Context, actor tenancy.Actor, request control.ImportRequest, files web.FileSource) (*control.LabDetail, control.Report, error) {
	if err := tenancy.Allow(actor, tenancy.CreateLab, tenancy.ObjectRef{Tenant: actor.TenantID}); err != nil {
		return nil, control.Report{}, err
	}
	source, result, report, err := parse(files)
	if err != nil {
		return nil, report, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name := result.Lab.Name
	if request.Name != "" {
		name = request.Name
	}
	now := time.Now()
	l := &labState{places: map[string]control.Position{}}
	l.view = control.LabView{ID: ident.New(), Tenant: actor.TenantID, Name: name, Owner: actor.UserName, OwnerID: actor.UserID, State: control.Stored, CreatedAt: now}
	if request.Replace != "" {
		if l, err = w.findLocked(actor, request.Replace); err != nil {
			return nil, report, err
		}
		l.keepFirst()
		l.versions = append(l.versions, version{control.RevisionView{Number: l.revision() + 1, At: now, Author: actor.UserName, Words: "replaced"}, source, result.Lab})
	} else {
		if _, err := w.findLocked(actor, name); err == nil {
			return nil, report, fault.New(fault.Conflict, "There is a lab %s already. Give this one another name.", name)
		}
		w.labs = append(w.labs, l)
	}
	l.source, l.lab, l.nodes = source, result.Lab, map[string]*control.NodeView{}
	l.view.UpdatedAt, l.view.NodeCount, l.view.LinkCount = now, len(l.lab.Nodes), len(l.lab.Links)
	for _, n := range l.lab.Nodes {
		l.nodes[n.Name] = &control.NodeView{NodeStatus: hostapi.NodeStatus{Name: n.Name, State: hostapi.NodeAbsent}, Kind: n.Kind}
	}
	l.files = []control.ProjectFile{{Path: "topology.clab.yml", Size: int64(len(source))}}
	w.tellLocked(l, nil)
	return l.detail(), report, nil
}

// Export writes the lab file alone; the real one writes a zip.
func (w *World) Export(_ context.Context, actor tenancy.Actor, name string, out io.Writer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.findLocked(actor, name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, l.source)
	return err
}

// Move keeps positions.
func (w *World) Move(_ context.Context, actor tenancy.Actor, name string, positions map[string]control.Position) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.findLocked(actor, name)
	if err != nil {
		return err
	}
	if err := tenancy.Allow(actor, tenancy.EditLab, tenancy.ObjectRef{Tenant: l.view.Tenant, Owner: l.view.OwnerID, Lab: l.view.ID, Name: "lab " + l.view.Name}); err != nil {
		return err
	}
	for n, p := range positions {
		if l.lab.Node(n) == nil {
			return tenancy.Missing("node " + n)
		}
		l.places[n] = p
	}
	return nil
}
