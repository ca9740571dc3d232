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
	JoinSettings
	version string
}

// JoinSettings are how a host joins a controller, and where it keeps that it did.
type JoinSettings struct {
	Controller string            `env:"TRUNKLINE_CONTROLLER"`
	Token      string            `env:"TRUNKLINE_JOIN_TOKEN"`
	Name       string            `env:"TRUNKLINE_HOST_NAME"`
	Labels     map[string]string `env:"TRUNKLINE_HOST_LABELS" envKeyValSeparator:"="`
	State      string            `env:"TRUNKLINE_HOST_STATE" envDefault:"/var/lib/trunkline/host"`
}

// HostCommand runs a compute host: `trunkline host`, and the whole of `trunkline-host`.
func HostCommand(use, version string) *cobra.Command {
	h, program := &hostFlags{version: version}, use
	if use == "host" {
		program = "trunkline host"
	}
	cmd := &cobra.Command{
		Use: use, Short: "Run a compute host that dials a controller", Args: Exactly(),
		Example: "  " + program + " --controller https://lab.example.org --token JOIN-TOKEN   # the first time\n" +
			"  " + program + "   # from then on",
		RunE: func(cmd *cobra.Command, _ []string) error { return h.run(cmd.Context()) },
	}
	Bind(cmd, &h.LogSettings, h.LogSettings.Flags)
	Bind(cmd, &h.HostSettings, h.HostSettings.Flags)
	Bind(cmd, &h.JoinSettings, h.joinFlags)
	cmd.AddCommand(leaveCommand(version))
	return cmd
}

func (s *JoinSettings) joinFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.Controller, "controller", s.Controller, "address of the controller (default: the one it joined)")
	f.StringVar(&s.Token, "token", s.Token, "one-time join token, the first time")
	f.StringVar(&s.Name, "name", s.Name, "what people call this host (default: the machine's host name)")
	f.StringToStringVar(&s.Labels, "label", s.Labels, "key=value that placement can ask for; may be repeated")
	s.stateFlag(cmd)
}

func (s *JoinSettings) stateFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.State, "state", s.State, "folder of the host's key, specs and files")
}

// leaveCommand undoes a join.
func leaveCommand(version string) *cobra.Command {
	h := &hostFlags{version: version}
	cmd := &cobra.Command{
		Use: "leave", Short: "End the labs on this host and forget its controller; stop the agent before", Args: Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return h.leave(cmd.Context()) },
	}
	Bind(cmd, &h.LogSettings, h.LogSettings.Flags)
	Bind(cmd, &h.HostSettings, h.HostSettings.Flags)
	Bind(cmd, &h.JoinSettings, h.stateFlag)
	return cmd
}

func (h *hostFlags) open() (*agent.Agent, error) {
	log, err := h.Logger()
	if err != nil {
		return nil, err
	}
	init, err := InitBinary()
	if err != nil {
		return nil, err
	}
	underlay, err := h.UnderlayAddress()
	if err != nil {
		return nil, err
	}
	return agent.New(agent.Config{
		StateDir: h.State, Controller: h.Controller, InitBinary: init, Egress: h.Egress, Docker: h.Docker, OVS: h.OVS, Underlay: underlay,
		Version: h.version, Log: log,
	})
}

func (h *hostFlags) run(ctx context.Context) error {
	if err := h.check(); err != nil {
		return err
	}
	if err := h.join(ctx); err != nil {
		return err
	}
	a, err := h.open()
	if err != nil {
		return err
	}
	err = a.Run(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, a.Close())
}

// check finds what is wrong before a one-time token is spent.
func (h *hostFlags) check() error {
	if _, err := h.Logger(); err != nil {
		return err
	}
	if _, err := h.UnderlayAddress(); err != nil {
		return err
	}
	_, err := InitBinary()
	return err
}

// join enrols the host the first time.
func (h *hostFlags) join(ctx context.Context) error {
	enrolled, err := agent.Enrolled(h.State)
	switch {
	case err != nil:
		return err
	case enrolled && h.Token != "":
		return agent.CheckToken(h.State, h.Token)
	case enrolled:
		return nil
	case h.Controller == "" || h.Token == "":
		return UsageError{errors.New("this host has not joined yet: give --controller and --token, from the hosts page")}
	}
	if err := agent.Enrol(ctx, h.State, h.Controller, h.Token, h.Name, h.Labels); err != nil {
		return err
	}
	fmt.Printf("Joined %s.\n", h.Controller)
	return nil
}

func (h *hostFlags) leave(ctx context.Context) error {
	enrolled, err := agent.Enrolled(h.State)
	if err != nil {
		return err
	}
	if !enrolled {
		return UsageError{fmt.Errorf("this host has not joined any controller: there is no identity in %s", h.State)}
	}
	a, err := h.open()
	if err != nil {
		return err
	}
	if err := errors.Join(a.Leave(ctx), a.Close()); err != nil {
		return err
	}
	fmt.Println("This host has left. Remove it on the hosts page too, and make a new join command if it should come back.")
	return nil
}
