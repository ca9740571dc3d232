package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
)

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
