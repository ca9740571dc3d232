package web

import (
	"fmt"
	"net/http"
	"time"

	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/templates"
)

// hostsPage shows the compute hosts, what they can and what they lack.
func (s *Server) hostsPage(r *Request) error {
	hosts, err := s.Hosts.Hosts(r.Context(), r.Actor)
	if err != nil {
		return err
	}
	var view templates.Hosts
	for _, h := range hosts {
		view.Hosts = append(view.Hosts, hostView(h))
	}
	return r.Page(http.StatusOK, view)
}

func hostView(h control.HostView) templates.Host {
	v := templates.Host{
		Name: h.Name, Connected: h.Connected, LastSeen: h.LastSeen, Version: h.Info.Version, Kernel: h.Info.Kernel, Arch: h.Info.Arch,
		CPUs: h.Info.CPUs, Docker: h.Info.DockerVersion, OVS: h.Info.OVSVersion, Images: len(h.Info.Images), Problems: h.Info.Problems,
		Capabilities: capabilities(h.Info.Capabilities),
	}
	if h.Info.MemoryBytes > 0 {
		v.Memory = templates.Bytes(h.Info.MemoryBytes)
	}
	if h.RTT > 0 {
		v.RTT = h.RTT.Round(10 * time.Microsecond).String()
	}
	return v
}

// capabilities say what follows when one is missing.
func capabilities(c hostapi.Capabilities) []templates.Capability {
	list := []templates.Capability{
		{Name: "Kernel datapath", Has: c.KernelDatapath, Meaning: "Frames are switched in user space: labs work, with less throughput."},
		{Name: "Delay and loss", Has: c.Netem, Meaning: "Labs whose links have delay, jitter or loss are not placed here."},
		{Name: "Rate limits", Has: c.RateLimit, Meaning: "Labs whose links have a rate are not placed here."},
		{Name: "Way out", Has: c.Egress, Meaning: "Internet nodes lead nowhere until the administrator lets them out."},
		{Name: "User namespaces", Has: c.UserNamespaces, Meaning: "Root in a node is root on the host, held by capabilities and seccomp."},
	}
	if c.CgroupVersion > 0 {
		list = append(list, templates.Capability{Name: fmt.Sprintf("cgroup v%d", c.CgroupVersion), Has: true})
	}
	return list
}
