// Package images describes the node images that Trunkline brings along, and the seccomp profile every node runs under.
//
// It knows what each image is for, what a node made of it needs, and the labels that say so on the image itself. It refuses to know how
// images are built (build.sh beside it does that) and how containers are made.
package images

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Labels on a node image. Anybody's image may carry them; a host believes them as far as its own allow-list goes.
const (
	LabelKind          = "trunkline.kind"           // the lab kind the image is made for
	LabelShell         = "trunkline.shell"          // the shell a terminal starts
	LabelCaps          = "trunkline.caps"           // capabilities, joined by commas, without CAP_
	LabelSysctls       = "trunkline.sysctls"        // key=value, joined by commas: to be set in the node's network namespace
	LabelStartupConfig = "trunkline.startup-config" // where the node's startup-config belongs
	LabelRecipe        = "trunkline.recipe"         // hash of everything the image was built from
)

//go:embed seccomp.json
var profile []byte

// Seccomp is the profile for every node, as the Docker API wants it: Docker's default less what the capability SYS_ADMIN would unlock.
// seccompgen makes it.
var Seccomp = sync.OnceValue(func() string {
	var compact bytes.Buffer
	if err := json.Compact(&compact, profile); err != nil {
		panic("images: seccomp.json is no JSON: " + err.Error()) // a mistake in this build; a test holds it
	}
	return compact.String()
})

// Image is one of our images.
type Image struct {
	Name          string // such as trunkline/router
	Kind          string // linux, router, dhcp, dns
	Purpose       string
	Shell         string
	Caps          []string
	Sysctls       map[string]string
	StartupConfig string // path inside the image; empty when it has none
}

// What a node needs so that its tools and services work: change the network, bind low ports, change user, own and signal files and processes.
var serviceCaps = []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW", "SETGID", "SETUID"}

// All lists our images, the one for plain hosts first.
func All() []Image {
	return []Image{
		{Name: "trunkline/host", Kind: "linux", Purpose: "A plain Linux host with network tools.", Shell: "/bin/bash", Caps: serviceCaps},
		{
			Name: "trunkline/router", Kind: "router", Purpose: "FRR: OSPF, BGP, IS-IS, RIP and more, with vtysh.", Shell: "/bin/bash",
			// FRR checks that it could change network namespaces, and never does: the seccomp profile takes SYS_ADMIN's power away.
			Caps:          append(serviceCaps[:len(serviceCaps):len(serviceCaps)], "SYS_ADMIN"),
			Sysctls:       map[string]string{"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"},
			StartupConfig: "/etc/frr/frr.conf",
		},
		{Name: "trunkline/dhcp", Kind: "dhcp", Purpose: "A DHCP server (dnsmasq).", Shell: "/bin/bash", Caps: serviceCaps, StartupConfig: "/etc/dnsmasq.d/lab.conf"},
		{Name: "trunkline/dns", Kind: "dns", Purpose: "A name server (bind9).", Shell: "/bin/bash", Caps: serviceCaps, StartupConfig: "/etc/bind/named.conf.local"},
		{Name: "trunkline/tiny", Kind: "linux", Purpose: "Busybox only, 2 MB: for very large labs.", Shell: "/bin/sh", Caps: []string{"NET_ADMIN", "NET_RAW"}},
	}
}

// ForKind is the image a node of a kind gets when its lab file names none.
func ForKind(kind string) (Image, bool) {
	for _, image := range All() {
		if image.Kind == kind {
			return image, true
		}
	}
	return Image{}, false
}

// Labels are the labels the image carries, its recipe aside.
func (i Image) Labels() map[string]string {
	labels := map[string]string{LabelKind: i.Kind, LabelShell: i.Shell, LabelCaps: strings.Join(i.Caps, ",")}
	if len(i.Sysctls) > 0 {
		var pairs []string
		for _, key := range slices.Sorted(maps.Keys(i.Sysctls)) {
			pairs = append(pairs, key+"="+i.Sysctls[key])
		}
		labels[LabelSysctls] = strings.Join(pairs, ",")
	}
	if i.StartupConfig != "" {
		labels[LabelStartupConfig] = i.StartupConfig
	}
	return labels
}
