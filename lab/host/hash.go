package host

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// specVersion rises when the engine makes containers differently from the same spec, so that old ones are made anew.
const specVersion = 1

// SpecHash names everything of a node whose change needs a new container. Interfaces, routes, exec steps, waits, run state and
// policies are not part of it: they change under a running container. Nor is /etc/hosts: a node that joins the lab must not
// cost every other node its files; they learn its name when they are next made.
func SpecHash(n hostapi.NodeSpec) string {
	return digest(struct {
		Version     int
		Kind        lab.Kind
		Hostname    string
		Image       string
		Entrypoint  []string
		Cmd         []string
		Env, Labels map[string]string
		User        string
		CPU         float64
		Limits      [3]int64
		Sysctls     map[string]string
		CapAdd      []string
		DNS         *lab.Resolver
		Files       []hostapi.FileSpec
		Healthcheck *lab.Healthcheck
		Remade      int `json:",omitempty"` // so that hashes from before there was one are the same
	}{specVersion, n.Kind, n.Hostname, n.Image, n.Entrypoint, n.Cmd, n.Env, ownLabels(n.Labels), n.User, n.CPU,
		[3]int64{n.MemoryBytes, n.ShmBytes, n.Pids}, n.Sysctls, n.CapAdd, n.DNS, n.Files, n.Healthcheck, n.Remade})
}

// ownLabels are those of the node itself. Labels for placement say where it is made, and change nothing about it.
func ownLabels(all map[string]string) map[string]string {
	var own map[string]string
	for key, value := range all {
		if strings.HasPrefix(key, lab.LabelPrefix) {
			continue
		}
		if own == nil {
			own = map[string]string{}
		}
		own[key] = value
	}
	return own
}

// digest is the first half of the sha256 of v's JSON. encoding/json sorts map keys.
func digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // wire types of strings and numbers always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// wanted is a spec with what is derived from it, once.
type wanted struct {
	spec    hostapi.LabSpec
	nodes   map[string]*wantedNode
	fixed   map[string]bool // segments, internet and external nodes, which are no containers
	wireKey string          // of all that Wire makes, but for which nodes are there
}

type wantedNode struct {
	spec    *hostapi.NodeSpec
	hash    string
	plugKey string // of all that Plug makes
	program []execItem
}

// want derives. The spec must not be changed afterwards.
func want(spec hostapi.LabSpec) *wanted {
	w := &wanted{spec: spec, nodes: make(map[string]*wantedNode, len(spec.Nodes)), fixed: map[string]bool{}}
	var plugs strings.Builder
	for i := range spec.Nodes {
		n := &spec.Nodes[i]
		d := &wantedNode{spec: n, hash: SpecHash(*n), program: program(n)}
		d.plugKey = digest(struct {
			I []hostapi.InterfaceSpec
			R []lab.StaticRoute
		}{n.Interfaces, n.Routes})
		plugs.WriteString(n.Name + "=" + d.plugKey + ";")
		w.nodes[n.Name] = d
	}
	for _, s := range spec.Segments {
		w.fixed[s.Name] = true
	}
	for _, i := range spec.Internets {
		w.fixed[i.Name] = true
	}
	for _, e := range spec.Externals {
		w.fixed[e.Name] = true
	}
	w.wireKey = digest(struct {
		S []hostapi.SegmentSpec
		I []hostapi.InternetSpec
		E []hostapi.ExternalSpec `json:",omitempty"`
		C []hostapi.CableSpec
		P string
	}{spec.Segments, spec.Internets, spec.Externals, spec.Cables, plugs.String()})
	return w
}
