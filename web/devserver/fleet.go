package main

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"time"

	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/web/webtest"
)

// addFleet puts so many hosts into the world: most are well, some have each of the things that can be wrong.
func addFleet(w *webtest.World, n int) {
	var hosts []control.HostDetail
	for i := range n {
		hosts = append(hosts, host(i))
	}
	w.AddHosts(hosts, ways(hosts))
	for _, h := range hosts {
		if h.Connected && !h.Drained {
			w.Spread = append(w.Spread, h.Name)
		}
	}
	if len(w.Spread) > 4 {
		w.Spread = w.Spread[:4]
	}
	if n == 0 {
		return
	}
	ctx, admin := context.Background(), w.Actor("admin")
	_, _ = w.CreateJoinToken(ctx, admin, control.JoinRequest{Labels: map[string]string{"zone": "b", "rack": "4"}}) // an administrator may
	_, _ = w.CreateJoinToken(ctx, admin, control.JoinRequest{Name: "attic-2", Life: 7 * 24 * time.Hour})
	offer := control.Offer{Network: "campus", Devices: map[string]string{hosts[0].ID: "eth1"}}
	for _, vlan := range []int{120, 121, 122, 123, 300} {
		offer.VLANs = append(offer.VLANs, control.OfferedVLAN{VLAN: vlan, Tenant: "campus"})
	}
	_ = w.SaveOffer(ctx, admin, offer) // as above
}

func host(i int) control.HostDetail {
	cores, memory := []int{16, 32, 8, 64}[i%4], []int64{64, 128, 32, 256}[i%4]<<30
	h := control.HostDetail{HostView: control.HostView{
		ID: fmt.Sprintf("h%07d", i), Name: fmt.Sprintf("host-%c", 'a'+i), Connected: true, LastSeen: time.Now(), RTT: time.Duration(240+i*971) * time.Microsecond,
		Info: hostapi.HostInfo{
			Version: "0.2.0", Kernel: "6.18.5", Arch: "amd64", CPUs: cores, MemoryBytes: memory, DockerVersion: "28.5.2", OVSVersion: "3.1.0", DiskBytes: 400 << 30,
			Capabilities: hostapi.Capabilities{KernelDatapath: true, Netem: true, RateLimit: true, Egress: i%2 == 0, UserNamespaces: true, CgroupVersion: 2},
			Images:       make([]hostapi.Image, 6), Underlay: netip.AddrFrom4([4]byte{198, 51, 100, byte(10 + i)}), UnderlayMTU: 1500,
		},
		Labels: map[string]string{"zone": string(rune('a' + i%3))}, Nodes: 9 + 3*i, OverCommit: control.OverCommit{CPU: 1, Memory: 1},
	}, Address: fmt.Sprintf("192.0.2.%d", 11+i), Created: time.Now().Add(-time.Duration(40-i) * 24 * time.Hour)}
	h.Given.CPU, h.Given.Memory, h.Given.Labs = float64(cores)*(0.2+0.13*float64(i%5)), memory/8*int64(1+i%6), 2
	h.Labs = []control.HostLab{{ID: "none", Name: "campus", Tenant: "Campus", State: control.Running, Nodes: 6 + i}, {ID: "other", Name: "triangle", Tenant: "Physics", State: control.Degraded, Nodes: 3 + 2*i}}
	h.Use = samples(float64(cores), memory, i)
	h.HostView.Use = &h.Use[len(h.Use)-1]
	switch i {
	case 1:
		h.OverCommit = control.OverCommit{CPU: 2, Memory: 1}
		h.Given.CPU, h.Given.Memory = float64(2*cores), memory/2
		h.Tenants = []string{"campus"}
	case 2:
		h.Drained = true
		h.Info.Capabilities.Netem = false
	case 3:
		h.Connected, h.Lost, h.LastSeen = false, true, time.Now().Add(-11*time.Minute)
		h.Error = "The link broke off: no sign of life for 15 seconds."
	case 4:
		h.Info.Problems = []string{"Open vSwitch has no kernel module here (openvswitch). Load it with \"modprobe openvswitch\"; until then frames are switched in user space."}
		h.Info.Capabilities.KernelDatapath = false
	}
	return h
}

// samples are a day of load, with a hole in it.
func samples(cores float64, memory int64, seed int) []hostapi.Use {
	var list []hostapi.Use
	now := time.Now()
	for i := range 288 {
		if i > 90 && i < 110 {
			continue
		}
		at := float64(i)/288 + float64(seed)
		wave := 0.5 + 0.35*math.Sin(at*9) + 0.1*math.Sin(at*131)*math.Cos(at*61)
		list = append(list, hostapi.Use{
			At: now.Add(time.Duration(i-287) * 5 * time.Minute), CPU: cores * 0.6 * wave, MemoryBytes: int64(float64(memory) * (0.25 + 0.2*wave)),
			DiskBytes: 130<<30 + int64(i)<<27, Nodes: 4 + int(8*wave),
		})
	}
	return list
}

// ways are all pairs: quick ones, one that is too small, one that is shut, one that nobody has probed.
func ways(hosts []control.HostDetail) []control.HostReach {
	var list []control.HostReach
	for i, from := range hosts {
		for j, to := range hosts {
			w := control.HostReach{From: from.Name, To: to.Name, Known: true, Usable: true, MTU: 1500, RTT: time.Duration(180+(i*7+j*13)%40*31) * time.Microsecond}
			switch low, high := min(i, j), max(i, j); {
			case i == j:
				continue
			case low == 0 && high == 3:
				w.Usable, w.MTU, w.RTT = false, 0, 0
				w.Problem = fmt.Sprintf("%s does not hear %s: let UDP port 4789 through.", hosts[high].Name, hosts[low].Name)
			case low == 1 && high == 4:
				w.MTU = 1400
			case low == 2 && high == 3:
				w = control.HostReach{From: from.Name, To: to.Name}
			}
			list = append(list, w)
		}
	}
	return list
}
