package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/internal/app"
	"trunkline/internal/cli"
	"trunkline/lab/agent"
)

func upCommand() *cobra.Command {
	var s serveSettings
	var h cli.HostSettings
	cmd := &cobra.Command{
		Use: "up", Short: "Run controller and compute host on this machine", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := s.app()
			if err != nil {
				return err
			}
			init, err := cli.InitBinary()
			if err != nil {
				return err
			}
			underlay, err := h.UnderlayAddress()
			if err != nil {
				return err
			}
			up, err := app.OpenUp(cmd.Context(), settings, agent.Config{
				InitBinary: init, Egress: h.Egress, Docker: h.Docker, OVS: h.OVS, Underlay: underlay, Version: Version, Log: settings.Log,
			})
			if err != nil {
				return err
			}
			return serve(cmd.Context(), up, up.Controller)
		},
	}
	cli.Bind(cmd, &s, s.flags)
	cli.Bind(cmd, &h, h.Flags)
	return cmd
}

func serveCommand() *cobra.Command {
	var s serveSettings
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the controller", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := s.app()
			if err != nil {
				return err
			}
			controller, err := app.Open(cmd.Context(), settings)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), controller, controller)
		},
	}
	cli.Bind(cmd, &s, s.flags)
	return cmd
}

// serve announces the controller and runs it until a signal.
func serve(ctx context.Context, runner interface{ Run(context.Context) error }, c *app.Controller) error {
	ready, err := c.Announce(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("Trunkline %s is at %s\nSign in once with %s\n", ready.Version, ready.URL, ready.SignInLink)
	if err := runner.Run(ctx); err != nil {
		return err
	}
	fmt.Println("Trunkline has stopped. Labs go on running; start it again to see them.")
	return nil
}
