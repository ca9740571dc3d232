package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/lab/control"
)

func hostsJoin(o *options) *cobra.Command {
	var request control.JoinRequest
	cmd := &cobra.Command{
		Use: "join", Short: "Print a command that lets one machine join as a compute host", Args: cli.Exactly(),
		Example: "  trunkline hosts join --name rack3-7 --label zone=a --life 8h",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			token, err := c.CreateJoinToken(cmd.Context(), request)
			if err != nil {
				return err
			}
			return o.print(token, func(w io.Writer) {
				fmt.Fprintln(w, token.Command)
				fmt.Fprintf(os.Stderr, "Run it as root on the new machine. It works once, for %s.\n", span(time.Until(token.ExpiresAt)))
				if token.Local {
					fmt.Fprintln(os.Stderr, "Its address leads to the controller's own machine alone: for others start the controller with --listen and --public-url, or ask it by an address that they reach.")
				}
			})
		},
	}
	cmd.Flags().StringVar(&request.Name, "name", "", "what people call the host (default: the machine's host name)")
	cmd.Flags().StringToStringVar(&request.Labels, "label", nil, "key=value that labs can ask for; may be repeated")
	cmd.Flags().DurationVar(&request.Life, "life", time.Hour, "how long the command works, at most 720h")
	return cmd
}

func hostsTokens(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "tokens", Short: "The join commands that nobody has used yet"})
	list := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List them", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			tokens, err := c.JoinTokens(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(tokens, func(w io.Writer) {
				fmt.Fprintln(w, "ID\tFOR\tLABELS\tMADE\tEXPIRES IN")
				for _, t := range tokens {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.ID, firstOf(t.Name, "any machine"), labelWords(t.Labels), age(t.CreatedAt), span(time.Until(t.ExpiresAt)))
				}
			})
		},
	}
	remove := &cobra.Command{
		Use: "rm ID", Short: "Revoke one: nobody can join by it any more", Args: cli.Exactly("ID"), ValidArgsFunction: o.completeJoinTokens,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			return c.DeleteJoinToken(cmd.Context(), args[0])
		},
	}
	cmd.AddCommand(list, remove)
	return cmd
}

func (o *options) completeJoinTokens(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	c, err := o.client()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	tokens, err := c.JoinTokens(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, t := range tokens {
		ids = append(ids, t.ID+"\t"+firstOf(t.Name, "any machine"))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// span is a length of time without seconds.
func span(d time.Duration) string {
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
