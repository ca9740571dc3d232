package fabric

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// probe is what was found out about the kernel, once for a run of the agent.
type probe struct {
	kernelDatapath bool
	netem          bool
	tbf            bool
	userNamespaces bool
	cgroupVersion  int
	trouble        error // why the qdiscs could not be tried
}

// Capabilities implements host.Fabric. The kernel is probed once; Open vSwitch is asked each time.
func (f *Fabric) Capabilities(ctx context.Context) (hostapi.Capabilities, []string, error) {
	p := f.probe()
	caps := hostapi.Capabilities{
		KernelDatapath: p.kernelDatapath, Netem: p.netem, RateLimit: p.tbf || p.netem, Egress: f.cfg.Egress,
		UserNamespaces: p.userNamespaces, CgroupVersion: p.cgroupVersion,
	}
	var problems []string
	err := f.ovs.answers(ctx)
	if err == nil {
		_, err = f.ovs.alive(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			return caps, nil, ctx.Err()
		}
		problems = append(problems, fault.Sentence(err))
	}
	if f.datapath() == datapathNetdev {
		problems = append(problems, "The kernel has no openvswitch module, so frames take the slower userspace path. Load it with `modprobe openvswitch`.")
	}
	if !p.netem {
		works := "Cuts, a loss of 100 % and flapping work"
		if p.tbf {
			works = "Rates, cuts, a loss of 100 % and flapping work"
		}
		problems = append(problems, "The kernel has no netem, so links can't have delay, jitter, partial loss and the like here. "+works+". Load it with `modprobe sch_netem`.")
	}
	if !p.netem && !p.tbf {
		problems = append(problems, "The kernel can't limit the rate of a link. Load the limiter with `modprobe sch_tbf`.")
	}
	if p.trouble != nil {
		f.log.Warn("queueing disciplines could not be tried", "error", p.trouble)
	}
	if !p.userNamespaces {
		problems = append(problems, "User namespaces are off, so containers can't be mapped to unprivileged users. Turn them on with `sysctl user.max_user_namespaces=15000`.")
	}
	if f.cfg.Egress {
		problems = append(problems, f.egressProblems()...)
	}
	if f.cfg.Underlay.IsValid() && err == nil {
		if problem := f.underlayProblem(ctx); problem != "" {
			problems = append(problems, problem)
		}
	}
	return caps, problems, nil
}

// Version tells which Open vSwitch runs here.
func (f *Fabric) Version(ctx context.Context) (string, error) { return f.ovs.alive(ctx) }

// datapath is the kind of datapath the bridges get.
func (f *Fabric) datapath() string {
	if f.cfg.Datapath != "" {
		return f.cfg.Datapath
	}
	if f.probe().kernelDatapath {
		return datapathSystem
	}
	return datapathNetdev
}

func (f *Fabric) probe() *probe {
	f.probing.Lock()
	defer f.probing.Unlock()
	if f.probed == nil {
		p := &probe{kernelDatapath: hasKernelDatapath(), userNamespaces: hasUserNamespaces(), cgroupVersion: cgroupVersion()}
		p.netem, p.tbf, p.trouble = f.tryQdiscs()
		f.probed = p
	}
	return f.probed
}

// hasKernelDatapath asks for the module's generic netlink family, after trying to load the module.
func hasKernelDatapath() bool {
	if _, err := netlink.GenlFamilyGet("ovs_datapath"); err == nil {
		return true
	}
	if path, err := exec.LookPath("modprobe"); err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		// The answer is in the family: where modules can't be loaded, the command's failure says no more.
		_ = exec.CommandContext(ctx, path, "-q", "openvswitch").Run()
	}
	_, err := netlink.GenlFamilyGet("ovs_datapath")
	return err == nil
}

func hasUserNamespaces() bool {
	limit, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	if err != nil || strings.TrimSpace(string(limit)) == "0" {
		return false
	}
	_, err = os.Stat("/proc/self/ns/user")
	return err == nil
}

// cgroupVersion is 2 where the unified hierarchy is the one mounted, else 1; 0 where there is none.
func cgroupVersion() int {
	var fs unix.Statfs_t
	if unix.Statfs("/sys/fs/cgroup", &fs) != nil {
		return 0
	}
	if fs.Type == unix.CGROUP2_SUPER_MAGIC {
		return 2
	}
	return 1
}

// tryQdiscs makes a veth in a namespace of its own and tries what the kernel takes; the namespace goes with the thread.
func (f *Fabric) tryQdiscs() (netem, tbf bool, err error) {
	var scratch netns.NsHandle
	if err := f.enter(f.rootNS, func() (err error) { scratch, err = netns.New(); return err }); err != nil {
		return false, false, err
	}
	defer scratch.Close()
	h, err := netlink.NewHandleAt(scratch, unix.NETLINK_ROUTE)
	if err != nil {
		return false, false, err
	}
	defer h.Close()
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "tl-probe", MTU: 1500, TxQLen: -1}, PeerName: "tl-probe-peer"}
	if err := h.LinkAdd(veth); err != nil {
		return false, false, err
	}
	link, err := h.LinkByName("tl-probe")
	if err != nil {
		return false, false, err
	}
	try := func(q netlink.Qdisc) bool {
		e := h.QdiscReplace(q)
		if e == nil {
			e = h.QdiscDel(q)
		} else if !errors.Is(e, unix.ENOENT) && !errors.Is(e, unix.EOPNOTSUPP) {
			err = errors.Join(err, e)
		}
		return e == nil
	}
	netem = try(qdiscFor(link, lab.Impairment{Delay: time.Millisecond}, true))
	tbf = try(qdiscFor(link, lab.Impairment{RateBits: 1e6}, false))
	return netem, tbf, err
}
