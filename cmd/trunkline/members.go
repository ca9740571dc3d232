package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/tenancy"
)

func membersCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "members", Short: "Who is in the workspace"})
	cmd.AddCommand(memberList(o), memberRole(o), memberRemove(o))
	return cmd
}

func memberList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List them with their roles", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			members, err := c.Members(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(members, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tE-MAIL\tROLE\tGIVEN\tJOINED\tID")
				for _, m := range members {
					given := "by hand"
					if m.Source != tenancy.ByHand {
						given = "by " + m.Source
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, m.Email, m.Role, given, age(m.Joined), m.UserID)
				}
			})
		},
	}
}

func memberRole(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "role MEMBER ROLE", Short: "Change a member's role to owner, manager, member or observer", Args: cli.Exactly("MEMBER", "ROLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			id, err := memberID(cmd, c, args[0])
			if err != nil {
				return err
			}
			return c.ChangeRole(cmd.Context(), id, tenancy.Role(args[1]))
		},
	}
}

func memberRemove(o *options) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm MEMBER", Short: "Remove a member: open pages and shells close at once, tokens end, labs stay", Args: cli.Exactly("MEMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			id, err := memberID(cmd, c, args[0])
			if err != nil {
				return err
			}
			if err := confirm(yes, "Remove "+args[0]+" from the workspace?"); err != nil {
				return err
			}
			return c.RemoveMember(cmd.Context(), id)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// memberID finds a member by id, e-mail address or name; a name that several have is refused.
func memberID(cmd *cobra.Command, c *client.Client, ref string) (string, error) {
	members, err := c.Members(cmd.Context())
	if err != nil {
		return "", err
	}
	var named []string
	for _, m := range members {
		if m.UserID == ref || m.Email == ref {
			return m.UserID, nil
		}
		if m.Name == ref {
			named = append(named, m.UserID)
		}
	}
	switch len(named) {
	case 0:
		return "", fault.New(fault.NotFound, "There is no member %q in this workspace. See trunkline members ls.", ref)
	case 1:
		return named[0], nil
	}
	return "", fault.New(fault.Conflict, "%d members are called %s. Name one by the e-mail address or the id.", len(named), ref)
}
