package doctor

import (
	"context"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

func probes(c hostapi.Capabilities) Probes {
	return Probes{
		Docker:         func(context.Context) (string, string, error) { return "20.10.24", "1.41", nil },
		UserNamespaces: func(context.Context) (bool, error) { return true, nil },
		OpenVSwitch:    func(context.Context) (string, error) { return "3.1.0", nil },
		Capabilities:   func(context.Context) (hostapi.Capabilities, []string, error) { return c, nil, nil },
		DataFolder:     "/var/lib/there/is/no/such/folder",
	}
}

func find(t *testing.T, findings []Finding, check string) Finding {
	t.Helper()
	for _, f := range findings {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("no finding for %q in %v", check, findings)
	return Finding{}
}

func TestWhatIsMissingComesWithItsMend(t *testing.T) {
	for _, f := range Examine(t.Context(), probes(hostapi.Capabilities{})) {
		if f.Found == "" {
			t.Errorf("%s says nothing", f.Check)
		}
		if (f.State == OK) != (f.Mend == "") {
			t.Errorf("%s is %s with mend %q", f.Check, f.State, f.Mend)
		}
	}
}

func TestAHostWithoutNetemIsLimitedAndNotBroken(t *testing.T) {
	findings := Examine(t.Context(), probes(hostapi.Capabilities{KernelDatapath: true, RateLimit: true}))
	if f := find(t, findings, "Delay and loss (netem)"); f.State != Limited || !strings.Contains(f.Mend, "sch_netem") {
		t.Errorf("netem: %+v", f)
	}
	if f := find(t, findings, "Kernel datapath"); f.State != OK {
		t.Errorf("datapath: %+v", f)
	}
}

func TestAnEngineThatIsDownOrTooOldBreaksTheHost(t *testing.T) {
	p := probes(hostapi.Capabilities{})
	p.Docker = func(context.Context) (string, string, error) {
		return "", "", fault.New(fault.Unavailable, "Docker does not answer.")
	}
	if f := find(t, Examine(t.Context(), p), "Docker"); f.State != Broken || f.Found != "Docker does not answer." {
		t.Errorf("down: %+v", f)
	}
	p.Docker = func(context.Context) (string, string, error) { return "19.03", "1.40", nil }
	findings := Examine(t.Context(), p)
	if f := find(t, findings, "Docker"); f.State != Broken || Worst(findings) != Broken {
		t.Errorf("old: %+v", f)
	}
}

func TestVersionsCompareByNumber(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"1.9", "1.41", true}, {"1.41", "1.41", false}, {"1.51", "1.41", false}, {"2.0", "1.41", false}, {"?", "1.41", true}} {
		if got := older(c.a, c.b); got != c.want {
			t.Errorf("older(%s, %s) = %t", c.a, c.b, got)
		}
	}
}
