package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"trunkline/lab/control"
)

func TestAWorkspaceSeesItsOwnNetworks(t *testing.T) {
	s := newSite(t, nil)
	offer := control.Offer{Network: "campus-net", Devices: map[string]string{"h1": "eth1"}, VLANs: []control.OfferedVLAN{{VLAN: 120, Tenant: "campus"}, {VLAN: 121, Tenant: "other"}, {VLAN: 0, Tenant: "campus"}}}
	if err := s.World.SaveOffer(t.Context(), s.World.Actor("admin"), offer); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"mia", "otto"} {
		a := s.as(who).get("/networks")
		a.want(t, http.StatusOK, "4096–4351", ">201<", ">43<", "network: campus-net, vlan: 120", "untagged", `aria-current="page">Networks`)
		if strings.Contains(a.body, "121") || strings.Contains(a.body, "eth1") || strings.Contains(a.body, "Offers to workspaces") {
			t.Errorf("%s sees another's VLAN, a host's interface, or the offers", who)
		}
	}
	a := s.as("eve").get("/networks")
	a.want(t, http.StatusOK, "vlan: 121", "the first lab that spreads over several hosts")
	if strings.Contains(a.body, "120") || strings.Contains(a.body, "4096") {
		t.Error("another workspace's networks are shown")
	}
}

func TestPhysicalNetworksAreOfferedChangedAndTakenBack(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	b.get("/networks").want(t, http.StatusOK, "No physical network is offered", `id="offer-new" open`, "lab-host-1")
	form := url.Values{"network": {"campus-net"}, "device-h1": {"eth1"}, "vlans": {"200-202=campus\r\n120=other\r\n0=campus"}}
	b.post("/networks/offers", form).want(t, http.StatusSeeOther)
	offers, err := s.World.Offers(t.Context(), s.World.Actor("admin"))
	if err != nil || len(offers) != 1 || len(offers[0].VLANs) != 5 || offers[0].Devices["h1"] != "eth1" || len(offers[0].Devices) != 1 {
		t.Fatalf("stored %+v, %v", offers, err)
	}
	b.get("/networks").want(t, http.StatusOK, "0=campus\n120=other\n200-202=campus</textarea>", `value="eth1"`, "5 VLANs on 1 host")
	b.post("/networks/offers", form, "HX-Request", "true").want(t, http.StatusConflict, "There is a network campus-net already")
	form.Set("known", "1")
	form.Set("vlans", "300=campus")
	b.post("/networks/offers", form, "HX-Request", "true").want(t, http.StatusNoContent)
	b.get("/networks").want(t, http.StatusOK, "300=campus</textarea>")
	b.post("/networks/offers/campus-net/delete", nil).want(t, http.StatusSeeOther)
	b.post("/networks/offers/campus-net/delete", nil).want(t, http.StatusNotFound)
}

func TestAnOfferWithMistakesComesBackFilledIn(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	for text, says := range map[string]string{
		"120":              "Line 1: “120” is not of the form",
		"1=a\n\nx=a":       "Line 3: “x=a” is not of the form",
		"4095=a":           "4095 is no VLAN",
		"9-8=a":            "9-8 is no VLAN or range",
		"0-8=a":            "0-8 is no VLAN or range",
		"120=a\n119-121=b": "Line 2: VLAN 120 is given twice.",
		"120=":             "is not of the form",
		"1-2-3=a":          "is not of the form",
	} {
		form := url.Values{"network": {"campus-net"}, "device-h1": {"enp3s0"}, "vlans": {text}}
		part := b.post("/networks/offers", form, "HX-Request", "true")
		part.want(t, http.StatusUnprocessableEntity, says, text+"</textarea>", `value="enp3s0"`, `value="campus-net"`, `aria-invalid="true"`)
		if !strings.HasPrefix(part.body, `<details class="card offer" id="offer-new" open>`) {
			t.Errorf("htmx gets %.80s", part.body)
		}
	}
	b.post("/networks/offers", url.Values{"network": {"Campus Net"}}).want(t, http.StatusUnprocessableEntity, "<!doctype html>", "Name the network", `value="Campus Net"`)
}
