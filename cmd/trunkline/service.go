package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/tenancy"
)

func serviceCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "service", Short: "Service accounts: members that are programs, with API tokens and nothing else"})
	cmd.AddCommand(serviceList(o), serviceCreate(o), serviceRole(o), serviceRemove(o))
	return cmd
}

func serviceList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List those of the workspace", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			services, err := c.Services(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(services, func(w io.Writer) {
				fmt.Fprintln(w, "NAME\tROLE\tTOKENS\tMADE\tBY\tID")
				for _, s := range services {
					fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", s.Name, s.Role, len(s.Tokens), age(s.Created), s.By, s.ID)
				}
			})
		},
	}
}

func serviceCreate(o *options) *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make one; then make a token for it by trunkline token create --service NAME", Args: cli.Exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			service, err := c.CreateService(cmd.Context(), args[0], tenancy.Role(role))
			if err != nil {
				return err
			}
			return o.print(service, func(w io.Writer) { fmt.Fprintln(w, service.ID) })
		},
	}
	cmd.Flags().StringVar(&role, "role", string(tenancy.Member), "observer, member, manager or owner, at most your own")
	mustComplete(cmd, "role", cobra.FixedCompletions([]string{"observer", "member", "manager", "owner"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func serviceRole(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "role NAME ROLE", Short: "Change one's role to owner, manager, member or observer, at most your own; it counts for its tokens at once",
		Args: cli.Exactly("NAME", "ROLE"), ValidArgsFunction: o.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			return c.ChangeServiceRole(cmd.Context(), args[0], tenancy.Role(args[1]))
		},
	}
}

func serviceRemove(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "End one with its tokens; its labs stay", Args: cli.Exactly("NAME"), ValidArgsFunction: o.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			return c.RemoveService(cmd.Context(), args[0])
		},
	}
}

func (o *options) completeServices(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	c, err := o.client()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	services, err := c.Services(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, s := range services {
		names = append(names, s.Name+"\t"+string(s.Role))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
