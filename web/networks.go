package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/templates"
	"trunkline/tenancy"
)

// networksPage is what the workspace has, and for administrators all that is offered.
func (s *Server) networksPage(r *Request) error {
	view, err := s.networksView(r)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) networksView(r *Request) (templates.Networks, error) {
	has, err := s.Fleet.Networks(r.Context(), r.Actor)
	if err != nil {
		return templates.Networks{}, err
	}
	view := templates.Networks{Workspace: r.Actor.TenantID}
	for _, b := range has.Blocks {
		size := int(b.Last-b.First) + 1
		view.Blocks = append(view.Blocks, templates.Block{
			First: b.First, Last: b.Last, Used: b.Used, Rests: b.Rests, Free: size - b.Used - b.Rests,
			UsedAt: bounded(100 * float64(b.Used) / float64(size)), RestsAt: bounded(100 * float64(b.Rests) / float64(size)),
		})
	}
	for _, o := range has.Offers {
		for _, v := range o.VLANs {
			view.VLANs = append(view.VLANs, templates.VLAN{Network: o.Network, VLAN: v.VLAN})
		}
	}
	if tenancy.Allow(r.Actor, tenancy.ManageHosts, tenancy.ObjectRef{}) != nil {
		return view, nil
	}
	view.Admin = true
	return view, s.addOffers(r, &view)
}

// addOffers adds the forms of the physical networks, and an empty one.
func (s *Server) addOffers(r *Request, view *templates.Networks) error {
	offers, err := s.Fleet.Offers(r.Context(), r.Actor)
	if err != nil {
		return err
	}
	hosts, err := s.Hosts.Hosts(r.Context(), r.Actor)
	if err != nil {
		return err
	}
	for _, o := range offers {
		view.Offers = append(view.Offers, offerView(o, hosts))
	}
	view.New = offerView(control.Offer{}, hosts)
	view.New.New, view.New.Open = true, len(offers) == 0
	return nil
}

func offerView(o control.Offer, hosts []control.HostView) templates.Offer {
	view := templates.Offer{Network: o.Network, VLANs: vlanLines(o.VLANs)}
	on := 0
	for _, h := range hosts {
		if h.Revoked {
			continue
		}
		view.Devices = append(view.Devices, templates.OfferDevice{HostID: h.ID, Host: h.Name, Device: o.Devices[h.ID]})
		if o.Devices[h.ID] != "" {
			on++
		}
	}
	view.Summary = templates.Count(len(o.VLANs), "VLAN", "VLANs") + " on " + templates.Count(on, "host", "hosts")
	return view
}

// vlanLines writes VLANs that follow each other and are one workspace's as a range.
func vlanLines(vlans []control.OfferedVLAN) string {
	sorted := slices.SortedFunc(slices.Values(vlans), func(a, b control.OfferedVLAN) int { return a.VLAN - b.VLAN })
	var lines []string
	for i := 0; i < len(sorted); {
		last := i
		for last+1 < len(sorted) && sorted[last+1].VLAN == sorted[last].VLAN+1 && sorted[last+1].Tenant == sorted[i].Tenant && sorted[i].VLAN > 0 {
			last++
		}
		line := strconv.Itoa(sorted[i].VLAN)
		if last > i {
			line += "-" + strconv.Itoa(sorted[last].VLAN)
		}
		lines = append(lines, line+"="+sorted[i].Tenant)
		i = last + 1
	}
	return strings.Join(lines, "\n")
}

// saveOffer stores the form of a physical network, or shows it again with what was wrong.
func (s *Server) saveOffer(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	view, err := s.networksView(r)
	if err != nil {
		return err
	}
	sent := &view.New
	name := form.Text("network")
	if form.Text("known") == "1" {
		if i := slices.IndexFunc(view.Offers, func(o templates.Offer) bool { return o.Network == name }); i >= 0 {
			sent = &view.Offers[i]
		}
	}
	sent.Network, sent.Open, sent.VLANs, sent.Errors = name, true, form.Raw("vlans"), map[string]string{}
	offer := control.Offer{Network: name, Devices: map[string]string{}}
	for i, d := range sent.Devices {
		device := form.Text("device-" + d.HostID)
		sent.Devices[i].Device = device
		if device != "" {
			offer.Devices[d.HostID] = device
		}
	}
	if offer.VLANs, err = parseVLANs(sent.VLANs); err == nil {
		err = taken(sent, view)
	}
	if err == nil {
		err = s.Fleet.SaveOffer(r.Context(), r.Actor, offer)
	}
	if err == nil {
		r.flash("Saved. Labs can use it from their next deploy.")
		return r.Redirect("/networks")
	}
	problem := fault.Public(err)
	if problem.Code != fault.Invalid && problem.Code != fault.Conflict {
		return err
	}
	field := problem.Field
	if field == "tenants" {
		field = "vlans" // whose they are is written there
	}
	sent.Errors[knownField(field, "network", "vlans", "devices")] = problem.Sentence
	if r.IsFragment() {
		return r.Fragment(fault.Status(problem.Code), *sent)
	}
	return r.Page(fault.Status(problem.Code), view)
}

// taken refuses a new network under the name of one that is there: it would replace that.
func taken(sent *templates.Offer, view templates.Networks) error {
	if sent.New && slices.ContainsFunc(view.Offers, func(o templates.Offer) bool { return o.Network == sent.Network }) {
		return fault.New(fault.Conflict, "There is a network %s already. Change that one, or choose another name.", sent.Network).InField("network")
	}
	return nil
}

// deleteOffer takes a physical network back.
func (s *Server) deleteOffer(r *Request) error {
	if err := s.Fleet.DeleteOffer(r.Context(), r.Actor, r.Param("network")); err != nil {
		return err
	}
	r.flash("The network was taken back.")
	return r.Redirect("/networks")
}

// parseVLANs reads "120=workspace" and "200-209=workspace", one a line.
func parseVLANs(text string) ([]control.OfferedVLAN, error) {
	var list []control.OfferedVLAN
	owner := map[int]bool{}
	for number, line := range formLines(text) {
		first, last, tenant, err := parseVLANLine(line)
		if err != nil {
			return nil, fault.New(fault.Invalid, "Line %d: %s", number, fault.Sentence(err)).InField("vlans")
		}
		for vlan := first; vlan <= last; vlan++ {
			if owner[vlan] {
				return nil, fault.New(fault.Invalid, "Line %d: VLAN %d is given twice. Keep one of the two.", number, vlan).InField("vlans")
			}
			owner[vlan] = true
			list = append(list, control.OfferedVLAN{VLAN: vlan, Tenant: tenant})
		}
	}
	return list, nil
}

func parseVLANLine(line string) (first, last int, tenant string, err error) {
	wrong := fault.New(fault.Invalid, "“%s” is not of the form 120=workspace or 200-209=workspace.", line)
	vlans, tenant, ok := strings.Cut(line, "=")
	if tenant = strings.TrimSpace(tenant); !ok || tenant == "" {
		return 0, 0, "", wrong
	}
	from, to, isRange := strings.Cut(vlans, "-")
	if !isRange {
		to = from
	}
	first, err1 := strconv.Atoi(strings.TrimSpace(from))
	last, err2 := strconv.Atoi(strings.TrimSpace(to))
	if err1 != nil || err2 != nil {
		return 0, 0, "", wrong
	}
	if first < 0 || last > 4094 || first > last || first == 0 && last > 0 {
		return 0, 0, "", fault.New(fault.Invalid, "%s is no VLAN or range of VLANs: they go from 1 to 4094, and 0 stands for untagged frames.", fmt.Sprint(strings.TrimSpace(vlans)))
	}
	return first, last, tenant, nil
}
