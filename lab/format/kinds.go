package format

import (
	"strings"

	"trunkline/lab"
)

// kindOf maps the file's kinds to ours.
var kindOf = map[string]lab.Kind{
	"linux":      lab.Linux,
	"router":     lab.Router,
	"dhcp":       lab.DHCP,
	"dns":        lab.DNS,
	"switch":     lab.Switch,
	"bridge":     lab.Switch,
	"ovs-bridge": lab.Switch,
	"hub":        lab.Hub,
	"lan":        lab.LAN,
	"internet":   lab.Internet,
	"external":   lab.External,
}

// kindHost is containerlab's name for the machine itself; such nodes are left out.
const kindHost = "host"

// kindNames is what people are offered when a kind is misspelt.
var kindNames = []string{"linux", "router", "switch", "hub", "lan", "dhcp", "dns", "internet", "external", "bridge", "ovs-bridge"}

// vendorKinds are containerlab's network operating systems, by the part of the name that tells the vendor.
var vendorKinds = map[string]string{
	"nokia": "Nokia", "srl": "Nokia", "sros": "Nokia", "srsim": "Nokia",
	"arista": "Arista", "ceos": "Arista", "veos": "Arista",
	"juniper": "Juniper", "crpd": "Juniper", "vmx": "Juniper", "vqfx": "Juniper", "vsrx": "Juniper", "vjunos": "Juniper", "cjunosevolved": "Juniper",
	"cisco": "Cisco", "xrd": "Cisco", "xrv": "Cisco", "csr": "Cisco", "n9kv": "Cisco", "c8000": "Cisco", "iol": "Cisco", "ftdv": "Cisco", "cat9kv": "Cisco", "asav": "Cisco",
	"cumulus": "NVIDIA Cumulus", "cvx": "NVIDIA Cumulus", "sonic": "SONiC", "dell": "Dell", "aruba": "Aruba", "aoscx": "Aruba",
	"paloalto": "Palo Alto", "pan": "Palo Alto", "mikrotik": "MikroTik", "ros": "MikroTik", "checkpoint": "Check Point",
	"fortinet": "Fortinet", "fortigate": "Fortinet", "ipinfusion": "IP Infusion", "ocnos": "IP Infusion", "keysight": "Keysight", "ixia": "Keysight",
	"rare": "RARE/freeRtr", "vyosnetworks": "VyOS", "vyos": "VyOS", "6wind": "6WIND", "f5": "F5", "arrcus": "Arrcus", "huawei": "Huawei",
	"ruckus": "Ruckus", "spirent": "Spirent", "f5networks": "F5", "vpp": "FD.io VPP", "d2slab": "another vendor",
}

var otherKinds = map[string]string{
	"generic_vm":    "a virtual machine, and nodes here are containers",
	"openbsd":       "a virtual machine, and nodes here are containers",
	"freebsd":       "a virtual machine, and nodes here are containers",
	"openwrt":       "a virtual machine, and nodes here are containers",
	"ext-container": "a container that somebody else started, which a lab may not reach into",
	"k8s-kind":      "a Kubernetes cluster on the host, which a lab may not make",
	"border0":       "a tunnel to an outside service",
	"tailscale":     "a tunnel to an outside service",
}

// kindRefusal says why a kind cannot be had, and what to take instead.
func kindRefusal(node, kind string) string {
	const instead = " Take router (FRR) or linux for it, or leave the node out."
	if why, ok := otherKinds[kind]; ok {
		return "Node " + node + " is of kind " + kind + ": " + why + "." + instead
	}
	for _, part := range strings.FieldsFunc(strings.ToLower(kind), func(r rune) bool { return r == '_' || r == '-' }) {
		for mark, vendor := range vendorKinds {
			if part == mark || len(mark) > 3 && strings.HasPrefix(part, mark) {
				return "Node " + node + " is of kind " + kind + ": a network operating system of " + vendor + ", which is not supported." + instead
			}
		}
	}
	return "Node " + node + " is of the unknown kind " + quote(kind) + "." + lab.DidYouMean(kind, kindNames) + " The kinds are " + strings.Join(kindNames[:len(lab.Kinds)], ", ") + "."
}
