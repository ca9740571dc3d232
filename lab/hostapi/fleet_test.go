package hostapi_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

func TestTheFleetOverHTTP(t *testing.T) {
	r := newRig(t)
	r.fake.SetUnderlay(netip.MustParseAddr("10.0.0.1"), 1500)
	peers := []hostapi.Peer{{Host: "h2", Name: "two", Address: netip.MustParseAddr("10.0.0.2")}}
	if err := r.SetPeers(t.Context(), peers); err != nil {
		t.Fatal(err)
	}
	r.until(t, func(o hostapi.Observation) bool {
		return len(o.Reach) == 1 && o.Reach[0].Host == "h2" && o.Reach[0].Hears && o.Reach[0].MTU == 1500
	})
	if got := r.fake.Peers(); !slices.Equal(got, peers) {
		t.Errorf("the fabric has %v", got)
	}
	if err := r.SetPeers(t.Context(), nil); err != nil {
		t.Errorf("no peers: %v", err)
	}
	if err := r.SetPeers(t.Context(), []hostapi.Peer{{Host: "h2"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a peer without address answers %v", err)
	}

	spec := hostapi.LabSpec{ID: "l1", Generation: 1, Nodes: []hostapi.NodeSpec{
		{Name: "r1", Kind: lab.Linux, Image: "trunkline/tiny:latest", Run: hostapi.Running, Awaited: true,
			WaitFor: []lab.Wait{{Stage: "create", Node: "far", NodeStage: "create"}}}}}
	if err := r.Apply(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := r.Reached(t.Context(), "l1", map[string][]string{"far": {"create"}}); err != nil {
		t.Fatal(err)
	}
	r.until(t, func(o hostapi.Observation) bool {
		return o.Lab != nil && o.Lab.Converged && slices.Equal(o.Lab.Nodes[0].Stages, []string{"create", "create-links", "configure", "healthy"})
	})
	if err := r.Reached(t.Context(), "l2", nil); !fault.Is(err, fault.NotFound) {
		t.Errorf("a missing lab answers %v", err)
	}

	if lines, err := r.Log(t.Context(), 2); err != nil || !slices.Equal(lines, []string{"two", "three"}) {
		t.Errorf("the log is %q, %v", lines, err)
	}
	for _, n := range []int{0, -1, hostapi.MaxLogLines + 1} {
		if _, err := r.Log(t.Context(), n); !fault.Is(err, fault.Invalid) {
			t.Errorf("%d lines answer %v", n, err)
		}
	}
}

// alone is a host that knows of no other.
type alone struct{ hostapi.Host }

func TestAHostThatKnowsOfNoOtherSaysSo(t *testing.T) {
	r := newRig(t)
	x, err := host.New(host.Config{HostID: "h9", StateDir: t.TempDir(), Engine: r.fake.Engine(), Fabric: lonely{r.fake.Fabric()}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]hostapi.Host{"an agent without the ability": alone{x}, "a fabric without it": x} {
		server := httptest.NewServer(hostapi.Handler(h))
		c := &hostapi.Client{HTTP: toward(server)}
		if err := c.SetPeers(context.Background(), nil); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := c.Log(context.Background(), 5); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

// lonely is a fabric that exchanges no frames with other hosts.
type lonely struct{ host.Fabric }
