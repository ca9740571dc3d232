// Package doctor says what a compute host has and lacks, and how to mend each.
//
// It knows checks, limits of the kernel and sentences. It refuses to know how Docker or Open vSwitch is asked: the caller
// gives it probes.
package doctor

import (
	"context"
	"fmt"
	"runtime"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// State is how a check ended.
type State string

const (
	OK      State = "ok"
	Limited State = "limited" // labs run, with less: Found says what is missing
	Broken  State = "broken"  // labs do not run here until it is mended
)

// Finding is one check's outcome.
type Finding struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Found string `json:"found"`
	Mend  string `json:"mend,omitempty"` // what to do when the state is not OK
}

// Probes ask the machine's daemons.
type Probes struct {
	Docker         func(context.Context) (engine, api string, err error)
	UserNamespaces func(context.Context) (bool, error)
	OpenVSwitch    func(context.Context) (version string, err error)
	Capabilities   func(context.Context) (hostapi.Capabilities, []string, error)
	DataFolder     string
}

// Examine runs every check, the ones that everything rests on first.
func Examine(ctx context.Context, p Probes) []Finding {
	findings := []Finding{rootCheck(), dockerCheck(ctx, p), ovsCheck(ctx, p)}
	findings = append(findings, capabilityChecks(ctx, p)...)
	findings = append(findings, userNamespaceCheck(ctx, p))
	findings = append(findings, limitChecks()...)
	return append(findings, diskCheck(p.DataFolder), machineCheck())
}

// Worst is the worst state among the findings.
func Worst(findings []Finding) State {
	worst := OK
	for _, f := range findings {
		if f.State == Broken {
			return Broken
		}
		if f.State == Limited {
			worst = Limited
		}
	}
	return worst
}

// oldestAPI is Docker 20.10's, the oldest we test with.
const oldestAPI = "1.41"

func dockerCheck(ctx context.Context, p Probes) Finding {
	engine, api, err := p.Docker(ctx)
	if err != nil {
		return Finding{"Docker", Broken, fault.Sentence(err), "apt-get install docker.io && systemctl start docker"}
	}
	found := fmt.Sprintf("engine %s, API %s", engine, api)
	if older(api, oldestAPI) {
		return Finding{"Docker", Broken, found, "Upgrade Docker: API " + oldestAPI + " (engine 20.10) or newer is needed."}
	}
	return Finding{"Docker", OK, found, ""}
}

// older compares versions of the form major.minor.
func older(a, b string) bool {
	var aMajor, aMinor, bMajor, bMinor int
	if _, err := fmt.Sscanf(a, "%d.%d", &aMajor, &aMinor); err != nil {
		return true
	}
	if _, err := fmt.Sscanf(b, "%d.%d", &bMajor, &bMinor); err != nil {
		return false
	}
	return aMajor < bMajor || aMajor == bMajor && aMinor < bMinor
}

func ovsCheck(ctx context.Context, p Probes) Finding {
	version, err := p.OpenVSwitch(ctx)
	if err != nil {
		return Finding{"Open vSwitch", Broken, fault.Sentence(err), "apt-get install openvswitch-switch && systemctl start openvswitch-switch"}
	}
	return Finding{"Open vSwitch", OK, "version " + version, ""}
}

func capabilityChecks(ctx context.Context, p Probes) []Finding {
	c, _, err := p.Capabilities(ctx)
	if err != nil {
		return []Finding{{"Kernel", Broken, fault.Sentence(err), "Run trunkline doctor as root."}}
	}
	return []Finding{
		either("Kernel datapath", c.KernelDatapath, "the kernel switches frames", Limited,
			"the kernel has no openvswitch module: frames are switched in user space, which is slower", "modprobe openvswitch, or boot a kernel that has it"),
		either("Delay and loss (netem)", c.Netem, "links can have delay, jitter, loss, duplicates, reordering and corruption", Limited,
			"the kernel has no netem: labs that want delay or loss cannot be placed here", "modprobe sch_netem, or boot a kernel that has it"),
		either("Rate limit (tbf, htb)", c.RateLimit, "links can have a bandwidth", Limited,
			"the kernel cannot limit a link's rate", "modprobe sch_tbf, or boot a kernel that has it"),
		either("Way out (egress)", c.Egress, "internet nodes reach the outside", Limited,
			"internet nodes have no way out", "Start with --egress if labs here may reach the internet."),
		{"Control groups", OK, fmt.Sprintf("version %d", c.CgroupVersion), ""},
	}
}

func either(check string, has bool, found string, without State, lacks, mend string) Finding {
	if has {
		return Finding{check, OK, found, ""}
	}
	return Finding{check, without, lacks, mend}
}

func userNamespaceCheck(ctx context.Context, p Probes) Finding {
	on, err := p.UserNamespaces(ctx)
	if err != nil {
		return Finding{"User namespaces", Limited, fault.Sentence(err), "Start Docker first."}
	}
	return either("User namespaces", on, "root in a node is nobody on the host", Limited,
		"root in a node has the host's user id 0, held back by capabilities and seccomp only", `Put {"userns-remap": "default"} into /etc/docker/daemon.json and restart Docker.`)
}

func machineCheck() Finding {
	return Finding{"Machine", OK, fmt.Sprintf("%d CPUs, %s, kernel %s", runtime.NumCPU(), runtime.GOARCH, kernelRelease()), ""}
}
