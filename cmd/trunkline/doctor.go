package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"trunkline/internal/app"
	"trunkline/internal/cli"
	"trunkline/internal/doctor"
	"trunkline/internal/fault"
	"trunkline/lab/agent"
	"trunkline/lab/engine"
	"trunkline/lab/fabric"
)

func doctorCommand(o *options) *cobra.Command {
	var s serveSettings
	var h cli.HostSettings
	var leftovers bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say what this machine has and lacks as a compute host, and how to mend it", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			state := filepath.Join(s.Data, app.HostFolder)
			if leftovers {
				return printLeftovers(cmd.Context(), o, state, h)
			}
			return examine(cmd.Context(), o, state, h)
		},
	}
	cli.Bind(cmd, &s, func(cmd *cobra.Command) {
		cmd.Flags().StringVar(&s.Data, "data", firstOf(s.Data, defaultData()), "data folder of trunkline up; its host's state is below it")
	})
	cli.Bind(cmd, &h, h.Flags)
	cmd.Flags().BoolVar(&leftovers, "leftovers", false, "list what carries this host's stamp and belongs to no lab; exits 0 when there is nothing")
	return cmd
}

func examine(ctx context.Context, o *options, state string, h cli.HostSettings) error {
	e, err := engine.New(engine.Config{HostID: "doctor", Address: h.Docker})
	if err != nil {
		return err
	}
	defer e.Close()
	probes := doctor.Probes{Docker: e.Version, UserNamespaces: e.UserNamespaces, DataFolder: state}
	f, err := fabric.New(fabric.Config{HostID: "doctor", StateDir: filepath.Join(state, "doctor"), Egress: h.Egress, OVSDB: h.OVS})
	if err != nil {
		probes.OpenVSwitch = func(context.Context) (string, error) { return "", err }
		probes.Capabilities = nil
	} else {
		defer f.Close()
		probes.OpenVSwitch, probes.Capabilities = f.Version, f.Capabilities
	}
	findings := doctor.Examine(ctx, probes)
	err = o.print(findings, func(w io.Writer) {
		for _, f := range findings {
			fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.Check, f.Found)
			if f.Mend != "" {
				fmt.Fprintf(w, "\t\t  mend: %s\n", f.Mend)
			}
		}
	})
	if err == nil && doctor.Worst(findings) == doctor.Broken {
		return cli.ExitCode(cli.Failed)
	}
	return err
}

func printLeftovers(ctx context.Context, o *options, state string, h cli.HostSettings) error {
	enrolled, err := agent.Enrolled(state)
	if err != nil {
		return err
	}
	if !enrolled {
		return fault.New(fault.NotFound, "No compute host has its state in %s. Give its data folder by --data.", state)
	}
	a, err := agent.New(agent.Config{StateDir: state, Docker: h.Docker, OVS: h.OVS, Version: Version})
	if err != nil {
		return err
	}
	found, err := a.Leftovers(ctx)
	if err = errors.Join(err, a.Close()); err != nil {
		return err
	}
	err = o.print(found, func(w io.Writer) {
		if len(found) == 0 {
			fmt.Fprintln(w, "Nothing is left over.")
		}
		for _, line := range found {
			fmt.Fprintln(w, line)
		}
	})
	if err == nil && len(found) > 0 {
		return cli.ExitCode(cli.Failed)
	}
	return err
}
