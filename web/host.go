package web

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/templates"
)

// hostPage is everything about one host.
func (s *Server) hostPage(r *Request) error {
	detail, err := s.Fleet.Host(r.Context(), r.Actor, r.Param("host"))
	if err != nil {
		return err
	}
	if r.Param("host") != detail.ID {
		return r.Redirect("/hosts/" + detail.ID)
	}
	view, err := s.hostPageView(r.Context(), r, detail)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) hostPageView(ctx context.Context, r *Request, d control.HostDetail) (templates.HostPage, error) {
	hosts, err := s.Hosts.Hosts(ctx, r.Actor)
	if err != nil {
		return templates.HostPage{}, err
	}
	mine, err := s.Labs.List(ctx, r.Actor)
	if err != nil {
		return templates.HostPage{}, err
	}
	view := templates.HostPage{
		Head:     templates.HostHead{Host: hostView(d.HostView)},
		Capacity: templates.HostCapacity{ID: d.ID, Bars: bars(d.HostView), Charts: useCharts(time.Now(), d.Use, d.Info)},
		Ways:     hostWays(d, hosts),
		About:    hostAbout(d),
		Settings: hostSettings(d.HostView, r.Actor.TenantID),
	}
	for _, l := range d.Labs {
		one := templates.HostLab{Name: l.Name, Workspace: l.Tenant, State: templates.State(l.State), Nodes: l.Nodes}
		if slices.ContainsFunc(mine, func(m control.LabView) bool { return m.ID == l.ID }) {
			one.ID = l.ID
		}
		view.Labs.Labs = append(view.Labs.Labs, one)
	}
	return view, nil
}

// hostEvents streams the parts of the page that changed.
func (s *Server) hostEvents(r *Request) error {
	return s.streamParts(r, func(ctx context.Context) ([]part, error) {
		detail, err := s.Fleet.Host(ctx, r.Actor, r.Param("host"))
		if err != nil {
			return nil, err
		}
		view, err := s.hostPageView(ctx, r, detail)
		if err != nil {
			return nil, err
		}
		return []part{
			{id: "host-head", view: view.Head}, {id: "host-capacity", view: view.Capacity}, {id: "host-labs", view: view.Labs},
			{id: "host-ways", view: view.Ways}, {id: "host-about", view: view.About},
		}, nil
	})
}

func hostAbout(d control.HostDetail) templates.HostAbout {
	v := templates.HostAbout{
		Address: bareAddress(d.Address), Joined: d.Created, Version: d.Info.Version, Kernel: d.Info.Kernel, Arch: d.Info.Arch, Docker: d.Info.DockerVersion,
		OVS: d.Info.OVSVersion, CPUs: d.Info.CPUs, Images: len(d.Info.Images), Capabilities: capabilities(d.Info.Capabilities),
	}
	if d.Info.MemoryBytes > 0 {
		v.Memory = templates.Bytes(d.Info.MemoryBytes)
	}
	if d.Info.DiskBytes > 0 {
		v.Disk = templates.Bytes(d.Info.DiskBytes)
	}
	if d.Info.Underlay.IsValid() {
		v.Underlay = d.Info.Underlay.String()
	}
	return v
}

// bareAddress leaves out the port, which differs with each dial.
func bareAddress(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

func hostWays(d control.HostDetail, hosts []control.HostView) templates.HostWays {
	view := templates.HostWays{Only: len(hosts) < 2}
	for _, h := range hosts {
		if h.ID == d.ID || h.Revoked {
			continue
		}
		way := control.HostReach{From: d.Name, To: h.Name}
		if i := slices.IndexFunc(d.Reach, func(w control.HostReach) bool { return w.From == d.Name && w.To == h.Name }); i >= 0 {
			way = d.Reach[i]
		}
		view.Ways = append(view.Ways, templates.HostWay{To: h.Name, ToID: h.ID, Cell: wayCell(way), Problem: wayProblem(way)})
	}
	return view
}

func labelViews(labels map[string]string) []templates.Label {
	var list []templates.Label
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, templates.Label{Key: key, Value: labels[key]})
	}
	return list
}

func hostSettings(h control.HostView, own string) templates.HostSettings {
	view := templates.HostSettings{ID: h.ID, Name: h.Name, Tenants: strings.Join(h.Tenants, "\n"), Own: own}
	var lines []string
	for _, l := range labelViews(h.Labels) {
		lines = append(lines, l.Key+"="+l.Value)
	}
	view.Labels = strings.Join(lines, "\n")
	view.CPU, view.Memory = factor(h.OverCommit.CPU), factor(h.OverCommit.Memory)
	view.UsualCPU, view.UsualMemory = usualFactors()
	return view
}

// usualFactors are the factors of over-commit that hold where an administrator says nothing.
func usualFactors() (cpu, memory string) {
	return factor(control.DefaultOverCommit.CPU), factor(control.DefaultOverCommit.Memory)
}

func factor(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// changeHost stores the form of settings, or shows it again with what was wrong.
func (s *Server) changeHost(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	sent := templates.HostSettings{
		Name: form.Text("name"), Labels: form.Raw("labels"), CPU: form.Text("cpu"), Memory: form.Text("memory"), Tenants: form.Raw("tenants"),
		Own: r.Actor.TenantID, Errors: map[string]string{},
	}
	change, status := hostChange(&sent), http.StatusUnprocessableEntity
	if len(sent.Errors) == 0 {
		now, err := s.Fleet.ChangeHost(r.Context(), r.Actor, r.Param("host"), change)
		if err == nil {
			r.flash("Saved.")
			return r.Redirect("/hosts/" + now.ID)
		}
		problem := fault.Public(err)
		if problem.Code != fault.Invalid && problem.Code != fault.Conflict {
			return err
		}
		sent.Errors[settingsField(problem.Field)], status = problem.Sentence, fault.Status(problem.Code)
	}
	detail, err := s.Fleet.Host(r.Context(), r.Actor, r.Param("host"))
	if err != nil {
		return err
	}
	sent.ID = detail.ID
	sent.UsualCPU, sent.UsualMemory = usualFactors()
	if r.IsFragment() {
		return r.Fragment(status, sent)
	}
	view, err := s.hostPageView(r.Context(), r, detail)
	if err != nil {
		return err
	}
	view.Settings = sent
	return r.Page(status, view)
}

// settingsField is the field of the form that a field of a change is shown in.
func settingsField(field string) string {
	switch field {
	case "overCommit.cpu":
		return "cpu"
	case "overCommit.memory":
		return "memory"
	}
	return knownField(field, "name", "labels", "cpu", "memory", "tenants")
}

// hostChange reads the form; what cannot be read is in its Errors.
func hostChange(sent *templates.HostSettings) control.HostChange {
	var pairs []string
	for _, line := range formLines(sent.Labels) {
		pairs = append(pairs, line)
	}
	labels, err := parseLabels(pairs)
	if err != nil {
		sent.Errors["labels"] = fault.Sentence(err)
	}
	tenants := []string{}
	for _, line := range formLines(sent.Tenants) {
		tenants = append(tenants, line)
	}
	var over control.OverCommit
	over.CPU = factorOf("cpu", sent.CPU, sent)
	over.Memory = factorOf("memory", sent.Memory, sent)
	return control.HostChange{Name: &sent.Name, Labels: &labels, Tenants: &tenants, OverCommit: &over}
}

// factorOf reads an over-commit factor; "" is 0: the usual one.
func factorOf(field, text string, sent *templates.HostSettings) float64 {
	if text == "" {
		return 0
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", "."), 64)
	if err != nil || !(f >= 0.1 && f <= 100) {
		sent.Errors[field] = "Give a number from 0.1 to 100, such as 1 or 2.5."
	}
	return f
}
