package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/lab/agent"
)

// hostFlags are the flags of the command that runs a compute host.
type hostFlags struct {
	LogSettings
	HostSettings
	controller, token, name, state string
	labels                         map[string]string
}

// HostCommand runs a compute host: `trunkline host`, and the whole of `trunkline-host`.
func HostCommand(use, version string) *cobra.Command {
	h := &hostFlags{}
	cmd := &cobra.Command{
		Use: use, Short: "Run a compute host that dials a controller", Args: Exactly(),
		Example: "  trunkline host --controller https://lab.example.org --token JOIN-TOKEN   # the first time\n" +
			"  trunkline host                                                          # from then on",
		RunE: func(cmd *cobra.Command, _ []string) error { return h.run(cmd.Context(), version) },
	}
	Bind(cmd, &h.LogSettings, h.LogSettings.Flags)
	Bind(cmd, &h.HostSettings, h.HostSettings.Flags)
	f := cmd.Flags()
	f.StringVar(&h.controller, "controller", "", "address of the controller (default: the one it joined)")
	f.StringVar(&h.token, "token", "", "one-time join token, the first time")
	f.StringVar(&h.name, "name", "", "what people call this host (default: the machine's host name)")
	f.StringVar(&h.state, "state", "/var/lib/trunkline/host", "folder of the host's key, specs and files")
	f.StringToStringVar(&h.labels, "label", nil, "key=value that placement can ask for; may be repeated")
	return cmd
}

func (h *hostFlags) run(ctx context.Context, version string) error {
	log, err := h.Logger()
	if err != nil {
		return err
	}
	init, err := InitBinary()
	if err != nil {
		return err
	}
	underlay, err := h.UnderlayAddress()
	if err != nil {
		return err
	}
	if err := h.join(ctx); err != nil {
		return err
	}
	a, err := agent.New(agent.Config{
		StateDir: h.state, Controller: h.controller, InitBinary: init, Egress: h.Egress, Docker: h.Docker, OVS: h.OVS, Underlay: underlay,
		Version: version, Log: log,
	})
	if err != nil {
		return err
	}
	err = a.Run(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, a.Close())
}

// join enrols the host the first time.
func (h *hostFlags) join(ctx context.Context) error {
	enrolled, err := agent.Enrolled(h.state)
	if err != nil || enrolled {
		return err
	}
	if h.controller == "" || h.token == "" {
		return UsageError{errors.New("this host has not joined yet: give --controller and --token, from the hosts page")}
	}
	if err := agent.Enrol(ctx, h.state, h.controller, h.token, h.name, h.labels); err != nil {
		return err
	}
	fmt.Printf("Joined %s.\n", h.controller)
	return nil
}
