package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/lab/control"
	"trunkline/tenancy"
)

func (a *API) networkOperations() {
	huma.Register(a.huma, operation("GET", "/networks", "list-networks", "List the workspace's network identifiers and the physical networks offered to it", tenancy.SeeNetworks, "networks"),
		func(ctx context.Context, _ *struct{}) (*answer[control.Networks], error) {
			has, err := a.Fleet.Networks(ctx, actorOf(ctx))
			has.Blocks, has.Offers = orEmpty(has.Blocks), orEmpty(has.Offers)
			return respond(has, err)
		})
	huma.Register(a.huma, operation("GET", "/offers", "list-offers", "List the physical networks that labs may be attached to", tenancy.SeeHosts, "networks"),
		func(ctx context.Context, _ *struct{}) (*answer[[]control.Offer], error) {
			offers, err := a.Fleet.Offers(ctx, actorOf(ctx))
			return respond(orEmpty(offers), err)
		})
	type offerInput struct {
		Network string `path:"network" maxLength:"63" doc:"Name of the physical network"`
		Body    struct {
			Devices map[string]string     `json:"devices" doc:"Name or id of a host to its interface on the network"`
			VLANs   []control.OfferedVLAN `json:"vlans" doc:"Each VLAN with the name or id of the workspace that may use it; VLAN 0 is untagged frames"`
		}
	}
	save := operation("PUT", "/offers/{network}", "save-offer", "Offer a physical network to workspaces, or replace the offer", tenancy.ManageHosts, "networks")
	save.DefaultStatus = http.StatusNoContent
	huma.Register(a.huma, save, func(ctx context.Context, in *offerInput) (*struct{}, error) {
		offer := control.Offer{Network: in.Network, Devices: in.Body.Devices, VLANs: in.Body.VLANs}
		if err := a.Fleet.SaveOffer(ctx, actorOf(ctx), offer); err != nil {
			return nil, public(err)
		}
		return nil, nil
	})
	type networkPath struct {
		Network string `path:"network" maxLength:"63"`
	}
	remove := operation("DELETE", "/offers/{network}", "delete-offer", "Take an offer back; refused while a lab uses it", tenancy.ManageHosts, "networks")
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(a.huma, remove, func(ctx context.Context, in *networkPath) (*struct{}, error) {
		if err := a.Fleet.DeleteOffer(ctx, actorOf(ctx), in.Network); err != nil {
			return nil, public(err)
		}
		return nil, nil
	})
}
