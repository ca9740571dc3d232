package kernel

import (
	"os"
	"strings"
	"testing"

	"trunkline/internal/kernel/ask"
	"trunkline/internal/testkit"
)

// enableEnv set to 1 runs the test: it takes minutes, and measures, so nothing else should run beside it. make test-kernel sets it.
const enableEnv = "TRUNKLINE_TEST_KERNEL"

// TestTwoKernels boots two kernels that have everything, joins them to a controller, and measures a lab over both.
func TestTwoKernels(t *testing.T) {
	if os.Getenv(enableEnv) != "1" {
		t.Skip("make test-kernel runs it")
	}
	if lacks := need(); lacks != "" {
		testkit.Unable(t, "%s", lacks)
	}
	t.Chdir("../..") // bench/out is below the checkout
	r := newRig(t)
	t.Cleanup(func() {
		if err := r.record.Write(); err != nil {
			t.Error(err)
		}
	})
	r.deploy(cables{})
	prove := func(name string, proof func(*testing.T)) {
		t.Run(name, func(sub *testing.T) {
			r.t = sub
			defer func() { r.t = t }()
			proof(sub)
		})
	}
	prove("The switch runs in the kernel and netem is there", r.runsInTheKernel)
	prove("A delay is what the file says, each way", r.delays)
	prove("Jitter is what the file says", r.jitters)
	prove("Loss is what the file says", r.loses)
	prove("A rate is what the file says", r.limits)
	prove("A fast link stays fast when it is shaped", r.carriesMuch)
	prove("A delay set live is what was asked for", r.delaysLive)
	prove("Jitter set live is what was asked for", r.jittersLive)
	prove("Loss set live is what was asked for", r.losesLive)
	prove("A rate set live is what was asked for", r.limitsLive)
	prove("A link stays fast with a delay set live", r.staysFastLive)
	prove("A live change keeps what waits in the queue", r.keepsItsQueue)
	r.deploy(cables{})
	prove("Full packets cross from kernel to kernel", r.passesFullPackets)
	prove("Every frame crosses a cable as it is", r.carriesEveryFrame)
	prove("A segment joins its members on both kernels", r.joinsSegments)
	prove("A delay holds on a cable from kernel to kernel", r.delaysAcross)
	prove("An end that goes down is seen at the other kernel", r.cutAtAnEnd)
	prove("A cut cable is seen at both kernels", r.cutByTheFile)
}

func (r *rig) runsInTheKernel(t *testing.T) {
	hosts, err := r.Client.Hosts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range hosts {
		can := host.Info.Capabilities
		t.Logf("%s: kernel %s, Open vSwitch %s, Docker %s, %+v", host.Name, host.Info.Kernel, host.Info.OVSVersion, host.Info.DockerVersion, can)
		if !can.KernelDatapath || !can.Netem || !can.RateLimit {
			t.Errorf("%s reports %+v: the kernel's datapath or netem is missing (%q)", host.Name, can, host.Info.Problems)
		}
	}
	for name, k := range r.kernels {
		out, err := k.Ask.Output(t.Context(), ask.Place{}, "ovs-vsctl", "--bare", "--columns=name,datapath_type", "list", "Bridge")
		if err != nil {
			t.Fatal(err)
		}
		datapath, err := k.Ask.Output(t.Context(), ask.Place{}, "ovs-appctl", "dpctl/dump-dps")
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: bridges %q, datapaths %q", name, strings.Fields(out), strings.Fields(datapath))
		if strings.Contains(out, "netdev") || !strings.Contains(out, "system") || strings.TrimSpace(datapath) != "system@ovs-system" {
			t.Errorf("%s does not switch in the kernel: bridges %q, datapaths %q", name, out, datapath)
		}
	}
}
