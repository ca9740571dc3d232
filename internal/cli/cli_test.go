package cli

import (
	"errors"
	"testing"

	"github.com/spf13/cobra"

	"trunkline/internal/fault"
)

func TestExitCodesAreWhatScriptsRelyOn(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing went wrong", nil, 0},
		{"something failed", fault.New(fault.Conflict, "The lab is running."), Failed},
		{"a failure nobody foresaw", errors.New("x"), Failed},
		{"wrong usage", UsageError{errors.New("no such flag")}, Usage},
		{"wrong usage inside another error", errors.Join(errors.New("x"), UsageError{errors.New("y")}), Usage},
		{"a command's own code", ExitCode(42), 42},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := report("trunkline", c.err); got != c.want {
				t.Errorf("exit code %d, wanted %d", got, c.want)
			}
		})
	}
}

func TestWhatAPersonReads(t *testing.T) {
	cause := errors.New("dial tcp: connection refused")
	if got := plain(fault.Wrap(cause, fault.Unavailable, "The controller does not answer.")); got != "The controller does not answer." {
		t.Errorf("the cause is shown: %q", got)
	}
}

func TestArgumentsThatAreMissingAreNamed(t *testing.T) {
	err := Exactly("LAB")(&cobra.Command{Use: "show"}, nil)
	if usage, ok := errors.AsType[UsageError](err); !ok || usage.Error() != "show takes 1 argument(s): [LAB]" {
		t.Errorf("got %v", err)
	}
	if err := Exactly()(&cobra.Command{Use: "ls"}, []string{"x"}); err == nil {
		t.Error("an argument too many was taken")
	}
}

func TestAWordThatIsNoCommandIsWrongUsage(t *testing.T) {
	group := Group(&cobra.Command{Use: "lab"})
	group.AddCommand(&cobra.Command{Use: "deploy", RunE: func(*cobra.Command, []string) error { return nil }})
	group.SetArgs([]string{"deplyo"})
	group.SilenceErrors, group.SilenceUsage = true, true
	usage, ok := errors.AsType[UsageError](group.Execute())
	if !ok || usage.Error() != `lab has no command "deplyo"; did you mean deploy?` {
		t.Errorf("got %v", usage)
	}
}

func TestAVariableThatCannotBeReadIsToldWhenTheCommandRuns(t *testing.T) {
	t.Setenv("TRUNKLINE_EGRESS", "perhaps")
	cmd := &cobra.Command{Use: "host", RunE: func(*cobra.Command, []string) error { return nil }}
	var h HostSettings
	Bind(cmd, &h, h.Flags)
	if _, ok := errors.AsType[UsageError](cmd.RunE(cmd, nil)); !ok {
		t.Error("the variable was ignored")
	}
}

func TestFlagsOverruleTheEnvironment(t *testing.T) {
	t.Setenv("TRUNKLINE_LOG_LEVEL", "debug")
	cmd := &cobra.Command{Use: "host"}
	var l LogSettings
	Bind(cmd, &l, l.Flags)
	if l.Level != "debug" {
		t.Errorf("from the environment: %q", l.Level)
	}
	if err := cmd.ParseFlags([]string{"--log-level", "warn"}); err != nil || l.Level != "warn" {
		t.Errorf("from the flag: %q, %v", l.Level, err)
	}
	l.Level = "loud"
	if _, err := l.Logger(); err == nil {
		t.Error("a level that does not exist was taken")
	}
}
