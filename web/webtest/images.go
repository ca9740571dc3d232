package webtest

import (
	"context"
	"fmt"
	"slices"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/format"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// localImages is what the world's hosts have.
var localImages = []hostapi.Image{
	{Name: "frrouting/frr:v8.4.1", ID: "sha256:5ab1", SizeBytes: 193_400_000},
	{Name: "trunkline/dhcp:latest", ID: "sha256:1c5e", SizeBytes: 157_000_000, Labels: map[string]string{"trunkline.kind": "dhcp"}},
	{Name: "trunkline/dns:latest", ID: "sha256:7f0a", SizeBytes: 158_000_000, Labels: map[string]string{"trunkline.kind": "dns"}},
	{Name: "trunkline/host:latest", ID: "sha256:99d2", SizeBytes: 156_000_000, Labels: map[string]string{"trunkline.kind": "linux"}},
	{Name: "trunkline/router:latest", ID: "sha256:e0b4", SizeBytes: 180_000_000, Labels: map[string]string{"trunkline.kind": "router"}},
	{Name: "trunkline/tiny:latest", ID: "sha256:31aa", SizeBytes: 1_990_000, Labels: map[string]string{"trunkline.kind": "linux"}},
}

// Images lists those that the actor's workspace may use.
func (w *World) Images(_ context.Context, actor tenancy.Actor) ([]hostapi.Image, error) {
	if err := tenancy.Allow(actor, tenancy.SeeImages, tenancy.ObjectRef{Tenant: actor.TenantID}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(localImages), func(i hostapi.Image) bool {
		for _, p := range []control.ImagePolicy{w.policies[""], w.policies[actor.TenantID]} {
			if len(p.Allow) > 0 && !format.AllowsImage(p.Allow, i.Name) {
				return true
			}
		}
		return false
	}), nil
}

// ImagePolicy is the site's or the workspace's.
func (w *World) ImagePolicy(_ context.Context, actor tenancy.Actor, scope control.PolicyScope) (control.ImagePolicy, error) {
	if err := tenancy.Allow(actor, tenancy.SeeImages, tenancy.ObjectRef{Tenant: actor.TenantID}); err != nil {
		return control.ImagePolicy{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.policies[policyKey(actor, scope)], nil
}

// SetImagePolicy replaces it.
func (w *World) SetImagePolicy(_ context.Context, actor tenancy.Actor, scope control.PolicyScope, policy control.ImagePolicy) (control.ImagePolicy, error) {
	verb := tenancy.ManageTenant
	if scope == control.OfSite {
		verb = tenancy.ManageSite
	}
	if err := tenancy.Allow(actor, verb, tenancy.ObjectRef{Tenant: actor.TenantID}); err != nil {
		return control.ImagePolicy{}, err
	}
	clean, err := policy.Clean()
	if err != nil {
		return control.ImagePolicy{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	key := policyKey(actor, scope)
	if policy.Revision != "" && policy.Revision != w.policies[key].Revision {
		return control.ImagePolicy{}, fault.New(fault.Conflict, "Somebody else changed these settings meanwhile. Look at them and make your change again.")
	}
	w.changes++
	clean.Revision = fmt.Sprint("r", w.changes)
	w.policies[key] = clean
	return clean, nil
}

func policyKey(actor tenancy.Actor, scope control.PolicyScope) string {
	if scope == control.OfSite {
		return ""
	}
	return actor.TenantID
}
