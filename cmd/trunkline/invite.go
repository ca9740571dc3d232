package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/tenancy"
)

func inviteCommand(o *options) *cobra.Command {
	var request client.InviteRequest
	var role string
	cmd := &cobra.Command{
		Use: "invite", Short: "Make a link that lets people into the workspace", Args: cli.Exactly(),
		Example: "  trunkline invite --role observer --uses 30 --life 24h --domain example.edu",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			request.Role = tenancy.Role(role)
			invitation, err := c.Invite(cmd.Context(), request)
			if err != nil {
				return err
			}
			return o.print(invitation, func(w io.Writer) { fmt.Fprintln(w, invitation.Link) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&role, "role", "member", "owner, manager, member or observer; not above your own")
	f.StringVar(&request.Life, "life", "168h", "how long the link works, 2160h at most")
	f.IntVar(&request.Uses, "uses", 1, "how many people may come by it, 1000 at most")
	f.StringVar(&request.Domain, "domain", "", "only accounts with an e-mail address of this domain")
	cmd.AddCommand(inviteList(o), inviteRevoke(o))
	return cmd
}

func inviteList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the invitations that can still be used", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			open, err := c.Invitations(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(open, func(w io.Writer) {
				fmt.Fprintln(w, "ID\tROLE\tUSED\tDOMAIN\tBY\tENDS")
				for _, i := range open {
					fmt.Fprintf(w, "%s\t%s\t%d of %d\t%s\t%s\t%s\n", i.ID, i.Role, i.Used, i.Uses, i.Domain, i.ByName, i.Expires.Local().Format("2 Jan 15:04"))
				}
			})
		},
	}
}

func inviteRevoke(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Take an invitation back; who has come by it stays", Args: cli.Exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			return c.RevokeInvitation(cmd.Context(), args[0])
		},
	}
}
