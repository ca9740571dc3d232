package webtest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// fleet is the world's compute hosts.
type fleet struct {
	hosts    []*control.HostDetail
	reach    []control.HostReach
	tokens   []control.JoinToken
	offers   []control.Offer
	watchers map[chan struct{}]bool
}

// newFleet makes one host that has everything, and one that is ill.
func newFleet() fleet {
	f := fleet{watchers: map[chan struct{}]bool{}}
	good := &control.HostDetail{HostView: control.HostView{
		ID: "h1", Name: "lab-host-1", Connected: true, LastSeen: time.Now(), RTT: 1240 * time.Microsecond, Info: hostapi.HostInfo{
			Version: "0.1.0", Kernel: "6.18.5", Arch: "amd64", CPUs: 16, MemoryBytes: 64 << 30, DockerVersion: "28.5.2", OVSVersion: "3.1.0", DiskBytes: 400 << 30,
			Capabilities: hostapi.Capabilities{KernelDatapath: true, Netem: true, RateLimit: true, Egress: true, UserNamespaces: true, CgroupVersion: 2},
			Images:       make([]hostapi.Image, 6),
		},
		Labels: map[string]string{"zone": "a"}, Nodes: 7, OverCommit: control.OverCommit{CPU: 1, Memory: 1},
	}, Address: "192.0.2.11", Created: time.Now().Add(-40 * 24 * time.Hour)}
	good.Given.CPU, good.Given.Memory, good.Given.Labs = 6.5, 19<<30, 2
	good.Labs = []control.HostLab{{ID: "l1", Name: "campus", Tenant: "Campus", State: control.Running, Nodes: 5}, {ID: "l2", Name: "triangle", Tenant: "Other", State: control.Degraded, Nodes: 2}}
	good.Use = aDay(16, 64<<30, 400<<30, 7)
	good.HostView.Use = &good.Use[len(good.Use)-1]
	ill := &control.HostDetail{HostView: control.HostView{
		ID: "h2", Name: "attic", Lost: true, OverCommit: control.DefaultOverCommit, LastSeen: time.Now().Add(-3 * time.Hour), Info: hostapi.HostInfo{
			Version: "0.1.0", Kernel: "6.1.0", Arch: "arm64", CPUs: 4, MemoryBytes: 8 << 30, OVSVersion: "3.1.0",
			Capabilities: hostapi.Capabilities{RateLimit: true, CgroupVersion: 1},
			Problems:     []string{"Docker does not answer: start it with \"systemctl start docker\"."},
		}, Error: "The link broke off: no sign of life for 15 seconds.",
	}, Address: "198.51.100.7", Created: time.Now().Add(-3 * 24 * time.Hour)}
	f.hosts = []*control.HostDetail{ill, good}
	f.reach = []control.HostReach{
		{From: "attic", To: "lab-host-1", Known: true, Problem: "attic does not hear lab-host-1: let UDP port 4789 through."},
		{From: "lab-host-1", To: "attic", Known: true, Problem: "attic does not hear lab-host-1: let UDP port 4789 through."},
	}
	return f
}

// aDay is samples of the last day whose load rises and falls.
func aDay(cores float64, memory, disk int64, nodes int) []hostapi.Use {
	var list []hostapi.Use
	now := time.Now()
	for i := range 288 {
		at := float64(i) / 288
		wave := 0.5 + 0.4*math.Sin(at*9) + 0.08*math.Sin(at*131)
		list = append(list, hostapi.Use{
			At: now.Add(time.Duration(i-287) * 5 * time.Minute), CPU: cores * 0.6 * wave, MemoryBytes: int64(float64(memory) * (0.2 + 0.3*at + 0.1*wave)),
			DiskBytes: disk / 10 * 3, Nodes: int(float64(nodes) * min(1, 0.3+at)),
		})
	}
	return list
}

// AddHosts puts hosts into the world in place of those there are, with the ways between them, for looking at.
func (w *World) AddHosts(hosts []control.HostDetail, reach []control.HostReach) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fleet.hosts = nil
	for _, h := range hosts {
		w.fleet.hosts = append(w.fleet.hosts, &h)
	}
	w.fleet.reach = reach
	w.hostsChangedLocked()
}

// SetHost changes a host, for looking at it.
func (w *World) SetHost(id string, change func(*control.HostDetail)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.fleet.hosts {
		if h.ID == id {
			change(h)
			h.Lost = h.Lost && !h.Connected
		}
	}
	w.hostsChangedLocked()
}

func (w *World) hostsChangedLocked() {
	for c := range w.fleet.watchers {
		select {
		case c <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// WatchHosts tells that something changed.
func (w *World) WatchHosts(ctx context.Context, actor tenancy.Actor) (<-chan struct{}, error) {
	if err := tenancy.Allow(actor, tenancy.SeeHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	c := make(chan struct{}, 1)
	w.mu.Lock()
	w.fleet.watchers[c] = true
	w.mu.Unlock()
	w.work.Go(func() {
		select {
		case <-ctx.Done():
		case <-w.ctx.Done():
		}
		w.mu.Lock()
		delete(w.fleet.watchers, c)
		close(c)
		w.mu.Unlock()
	})
	return c, nil
}

// Hosts lists the hosts.
func (w *World) Hosts(_ context.Context, actor tenancy.Actor) ([]control.HostView, error) {
	if err := tenancy.Allow(actor, tenancy.SeeHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var views []control.HostView
	for _, h := range w.fleet.hosts {
		views = append(views, h.HostView)
	}
	return views, nil
}

// hostLocked finds a host for an administrator.
func (w *World) hostLocked(actor tenancy.Actor, verb tenancy.Verb, ref string) (*control.HostDetail, error) {
	if err := tenancy.Allow(actor, verb, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	for _, h := range w.fleet.hosts {
		if h.ID == ref || h.Name == ref {
			return h, nil
		}
	}
	return nil, tenancy.Missing("such host")
}

// Host shows one.
func (w *World) Host(_ context.Context, actor tenancy.Actor, ref string) (control.HostDetail, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := w.hostLocked(actor, tenancy.SeeHosts, ref)
	if err != nil {
		return control.HostDetail{}, err
	}
	detail := *h
	detail.Reach = nil
	for _, r := range w.fleet.reach {
		if r.From == h.Name {
			detail.Reach = append(detail.Reach, r)
		}
	}
	return detail, nil
}

// Matrix is every way from host to host.
func (w *World) Matrix(_ context.Context, actor tenancy.Actor) ([]control.HostReach, error) {
	if err := tenancy.Allow(actor, tenancy.SeeHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.fleet.reach), nil
}

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ChangeHost stores a change.
func (w *World) ChangeHost(_ context.Context, actor tenancy.Actor, ref string, change control.HostChange) (control.HostView, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := w.hostLocked(actor, tenancy.ManageHosts, ref)
	if err != nil {
		return control.HostView{}, err
	}
	if change.Name != nil {
		if !hostName.MatchString(*change.Name) {
			return control.HostView{}, fault.New(fault.Invalid, "Name the host with small letters, digits and dashes.").InField("name")
		}
		if other, err := w.hostLocked(actor, tenancy.ManageHosts, *change.Name); err == nil && other != h {
			return control.HostView{}, fault.New(fault.Conflict, "Another host is called %s. Choose another name.", *change.Name).InField("name")
		}
		h.Name = *change.Name
	}
	if change.Labels != nil {
		h.Labels = *change.Labels
	}
	if change.Drained != nil {
		h.Drained = *change.Drained
	}
	if change.Tenants != nil {
		h.Tenants = *change.Tenants
	}
	if change.OverCommit != nil {
		h.OverCommit.CPU = cmp.Or(change.OverCommit.CPU, control.DefaultOverCommit.CPU)
		h.OverCommit.Memory = cmp.Or(change.OverCommit.Memory, control.DefaultOverCommit.Memory)
	}
	w.hostsChangedLocked()
	return h.HostView, nil
}

// RotateHostKey needs a linked host.
func (w *World) RotateHostKey(_ context.Context, actor tenancy.Actor, ref string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := w.hostLocked(actor, tenancy.ManageHosts, ref)
	if err == nil && !h.Connected {
		err = fault.New(fault.Unavailable, "%s is not connected. Rotate its key once it is back.", h.Name)
	}
	return err
}

// RevokeHost cuts a host off.
func (w *World) RevokeHost(_ context.Context, actor tenancy.Actor, ref string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := w.hostLocked(actor, tenancy.ManageHosts, ref)
	if err == nil {
		h.Revoked, h.Connected = true, false
		w.hostsChangedLocked()
	}
	return err
}

// RemoveHost forgets a host on which nothing is.
func (w *World) RemoveHost(_ context.Context, actor tenancy.Actor, ref string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := w.hostLocked(actor, tenancy.ManageHosts, ref)
	if err != nil {
		return err
	}
	if len(h.Labs) > 0 {
		return fault.New(fault.Conflict, "Labs are placed on %s. Drain it first.", h.Name)
	}
	w.fleet.hosts = slices.DeleteFunc(w.fleet.hosts, func(other *control.HostDetail) bool { return other == h })
	w.hostsChangedLocked()
	return nil
}

// HostLog makes lines up.
func (w *World) HostLog(_ context.Context, actor tenancy.Actor, ref string, lines int) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, err := w.hostLocked(actor, tenancy.SeeHosts, ref)
	if err != nil {
		return nil, err
	}
	if !h.Connected {
		return nil, fault.New(fault.Unavailable, "%s is not connected, so its log cannot be read now.", h.Name)
	}
	var log []string
	for i := range min(lines, 40) {
		log = append(log, fmt.Sprintf("time=2026-11-21T07:%02d:12.004Z level=INFO msg=\"lab converged\" lab=campus generation=%d took=%dms", i, i+1, 80+i))
	}
	return log, nil
}

// CreateJoinToken makes a way in.
func (w *World) CreateJoinToken(_ context.Context, actor tenancy.Actor, request control.JoinRequest) (control.JoinToken, error) {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return control.JoinToken{}, err
	}
	if request.Name != "" && !hostName.MatchString(request.Name) {
		return control.JoinToken{}, fault.New(fault.Invalid, "Name the host with small letters, digits and dashes.").InField("name")
	}
	if request.Life == 0 {
		request.Life = time.Hour
	}
	now := time.Now()
	token := control.JoinToken{ID: ident.New(), Name: request.Name, Labels: request.Labels, CreatedAt: now, ExpiresAt: now.Add(request.Life)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fleet.tokens = append(w.fleet.tokens, token)
	w.hostsChangedLocked()
	token.Secret = "tlj_" + ident.Long(40)
	return token, nil
}

// JoinTokens lists the ways in.
func (w *World) JoinTokens(_ context.Context, actor tenancy.Actor) ([]control.JoinToken, error) {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.fleet.tokens), nil
}

// DeleteJoinToken closes one.
func (w *World) DeleteJoinToken(_ context.Context, actor tenancy.Actor, id string) error {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.fleet.tokens)
	w.fleet.tokens = slices.DeleteFunc(w.fleet.tokens, func(t control.JoinToken) bool { return t.ID == id })
	if len(w.fleet.tokens) == before {
		return tenancy.Missing("such join command")
	}
	w.hostsChangedLocked()
	return nil
}

// Offers lists the physical networks.
func (w *World) Offers(_ context.Context, actor tenancy.Actor) ([]control.Offer, error) {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.fleet.offers), nil
}

// SaveOffer makes or replaces one.
func (w *World) SaveOffer(_ context.Context, actor tenancy.Actor, offer control.Offer) error {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return err
	}
	if !hostName.MatchString(offer.Network) {
		return fault.New(fault.Invalid, "Name the network with small letters, digits and dashes.").InField("network")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	offer.Devices = maps.Clone(offer.Devices)
	w.fleet.offers = slices.DeleteFunc(w.fleet.offers, func(o control.Offer) bool { return o.Network == offer.Network })
	w.fleet.offers = append(w.fleet.offers, offer)
	slices.SortFunc(w.fleet.offers, func(a, b control.Offer) int { return strings.Compare(a.Network, b.Network) })
	return nil
}

// DeleteOffer takes one back.
func (w *World) DeleteOffer(_ context.Context, actor tenancy.Actor, network string) error {
	if err := tenancy.Allow(actor, tenancy.ManageHosts, tenancy.ObjectRef{}); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.fleet.offers)
	w.fleet.offers = slices.DeleteFunc(w.fleet.offers, func(o control.Offer) bool { return o.Network == network })
	if len(w.fleet.offers) == before {
		return tenancy.Missing("such network")
	}
	return nil
}

// Networks is what the actor's workspace has.
func (w *World) Networks(_ context.Context, actor tenancy.Actor) (control.Networks, error) {
	if err := tenancy.Allow(actor, tenancy.SeeLab, tenancy.ObjectRef{Tenant: actor.TenantID}); err != nil {
		return control.Networks{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	has := control.Networks{}
	if actor.TenantID == "campus" {
		has.Blocks = []control.VNIBlock{{First: 4096, Last: 4351, Used: 201, Rests: 12}, {First: 8192, Last: 8447, Used: 17}}
	}
	for _, o := range w.fleet.offers {
		mine := control.Offer{Network: o.Network}
		for _, v := range o.VLANs {
			if v.Tenant == actor.TenantID {
				mine.VLANs = append(mine.VLANs, v)
			}
		}
		if len(mine.VLANs) > 0 {
			has.Offers = append(has.Offers, mine)
		}
	}
	return has, nil
}
