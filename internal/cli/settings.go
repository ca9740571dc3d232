package cli

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/cobra"

	"trunkline/internal/fault"
)

// LogSettings say what is logged and how.
type LogSettings struct {
	Level  string `env:"TRUNKLINE_LOG_LEVEL" envDefault:"info"`
	Format string `env:"TRUNKLINE_LOG_FORMAT" envDefault:"text"`
}

// Flags makes a flag of each.
func (s *LogSettings) Flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.Level, "log-level", s.Level, "debug, info, warn or error")
	cmd.Flags().StringVar(&s.Format, "log-format", s.Format, "text or json")
}

// Logger writes to standard error.
func (s *LogSettings) Logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.Level)); err != nil {
		return nil, UsageError{fault.New(fault.Invalid, "--log-level takes debug, info, warn or error, not %q.", s.Level)}
	}
	options := &slog.HandlerOptions{Level: level}
	switch s.Format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, options)), nil
	}
	return nil, UsageError{fault.New(fault.Invalid, "--log-format takes text or json, not %q.", s.Format)}
}

// HostSettings are a compute host's.
type HostSettings struct {
	Egress   bool   `env:"TRUNKLINE_EGRESS"`
	Docker   string `env:"TRUNKLINE_DOCKER"`
	OVS      string `env:"TRUNKLINE_OVS"`
	Underlay string `env:"TRUNKLINE_UNDERLAY"`
}

// Flags makes a flag of each.
func (s *HostSettings) Flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&s.Egress, "egress", s.Egress, "let internet nodes on this host reach the outside")
	f.StringVar(&s.Docker, "docker", s.Docker, "Docker's socket (default: unix:///var/run/docker.sock)")
	f.StringVar(&s.OVS, "ovs", s.OVS, "Open vSwitch's run folder (default: the system's)")
	f.StringVar(&s.Underlay, "underlay", s.Underlay, "IP address of this machine where tunnels of other hosts reach it (default: the one it reaches the controller from)")
}

// UnderlayAddress is the address given; the zero one when none was.
func (s *HostSettings) UnderlayAddress() (netip.Addr, error) {
	if s.Underlay == "" {
		return netip.Addr{}, nil
	}
	address, err := netip.ParseAddr(s.Underlay)
	if err != nil || address.IsUnspecified() || address.IsLoopback() || address.IsMulticast() || address.Zone() != "" {
		return netip.Addr{}, UsageError{fault.Wrap(err, fault.Invalid, "--underlay takes an IP address of this machine that other hosts reach, such as 192.0.2.7, not %q.", s.Underlay)}
	}
	return address.Unmap(), nil
}

// Bind fills settings from the environment and then makes flags that overrule it. A variable that cannot be read is told when the
// command runs.
func Bind(cmd *cobra.Command, settings any, flags func(*cobra.Command)) {
	err := env.Parse(settings)
	flags(cmd)
	if err != nil {
		cmd.RunE = func(*cobra.Command, []string) error { return UsageError{err} }
	}
}

// InitBinary is the node init, which is installed beside this program.
func InitBinary() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "This program cannot find itself.")
	}
	if resolved, err := filepath.EvalSymlinks(self); err == nil {
		self = resolved
	}
	file := filepath.Join(filepath.Dir(self), "trunkline-init")
	if _, err := os.Stat(file); err != nil {
		return "", fault.Wrap(err, fault.Invalid, "The node init is missing: put trunkline-init beside %s (make build makes both).", self)
	}
	return file, nil
}
