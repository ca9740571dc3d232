package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
)

func hostsCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "hosts", Short: "The compute hosts"})
	cmd.AddCommand(&cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the compute hosts", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			hosts, err := c.Hosts(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(hosts, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tCONNECTED\tSEEN\tCPUS\tMEMORY\tDOCKER\tOVS\tPROBLEMS")
				for _, h := range hosts {
					fmt.Fprintf(w, "%s\t%t\t%s\t%d\t%d GiB\t%s\t%s\t%s\n", h.Name, h.Connected, age(h.LastSeen), h.Info.CPUs,
						h.Info.MemoryBytes>>30, h.Info.DockerVersion, h.Info.OVSVersion, strings.Join(h.Info.Problems, " "))
				}
			})
		},
	})
	return cmd
}

func tokenCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "token", Short: "Your API tokens"})
	list := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List your tokens", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			tokens, err := c.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(tokens, func(w io.Writer) {
				fmt.Fprintln(w, "ID\tNAME\tPREFIX\tMADE\tUSED")
				for _, t := range tokens {
					fmt.Fprintf(w, "%s\t%s\t%s…\t%s\t%s\n", t.ID, t.Name, t.Prefix, age(t.Created), age(t.LastUsed))
				}
			})
		},
	}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a token; its secret is printed this once", Args: cli.Exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			token, err := c.CreateToken(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(token, func(w io.Writer) { fmt.Fprintln(w, token.Secret) })
		},
	}
	revoke := &cobra.Command{
		Use: "revoke ID", Short: "End a token", Args: cli.Exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			return c.RevokeToken(cmd.Context(), args[0])
		},
	}
	cmd.AddCommand(list, create, revoke)
	return cmd
}
