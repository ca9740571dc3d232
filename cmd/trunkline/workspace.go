package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/fault"
)

func workspaceCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{
		Use: "workspace", Short: "Workspaces: list, make, choose, rename, delete",
		Long: "Workspaces: list, make, choose, rename, delete.\n\nAn API token is bound to one workspace. trunkline login keeps a token for each workspace you log in to; use chooses between them, and --workspace does so for one command.",
	})
	cmd.AddCommand(workspaceList(o), workspaceCreate(o), workspaceUse(), workspaceRename(o), workspaceDelete(o), workspaceRestore(o))
	return cmd
}

func workspaceList(o *options) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the workspaces you are in; * is the one that commands are about", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			me, err := c.Me(cmd.Context())
			if err != nil {
				return err
			}
			list, err := c.Workspaces(cmd.Context(), all)
			if err != nil {
				return err
			}
			return o.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "\tNAME\tROLE\tPEOPLE\tLABS\tSTATE")
				for _, one := range list {
					here, state := "", "open"
					if one.ID == me.TenantID {
						here = "*"
					}
					if !one.Ends.IsZero() {
						state = "deleted by " + one.EndedBy + ", gone " + one.Ends.Local().Format("2 Jan 15:04")
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", here, one.Name, one.Role, one.Members, one.Labs, state)
				}
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every workspace of the site, for its administrators")
	return cmd
}

func workspaceCreate(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "create NAME", Short: "Make a workspace that you own", Args: cli.Exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			one, err := c.CreateWorkspace(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(one, func(w io.Writer) {
				fmt.Fprintf(w, "Made %s. For commands about it choose it on the page, make an API token there, and run trunkline login %s.\n", one.Name, c.Address())
			})
		},
	}
}

func workspaceUse() *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Choose, of the workspaces you have logged in to, the one that commands are about", Args: cli.Exactly("NAME"), ValidArgsFunction: completeLogins,
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := loginFile()
			if err != nil {
				return err
			}
			known, err := readLogin(file)
			if errors.Is(err, fs.ErrNotExist) {
				return noLogin(args[0])
			}
			if err != nil {
				return fault.Wrap(err, fault.Invalid, "The file %s cannot be read. Run trunkline login again.", file)
			}
			if err := known.choose(args[0]); err != nil {
				return err
			}
			return keepLogin(file, known)
		},
	}
}

func workspaceRename(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "rename NAME", Short: "Give the workspace another name", Args: cli.Exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			return c.RenameWorkspace(cmd.Context(), args[0])
		},
	}
}

func workspaceDelete(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Delete the workspace; NAME repeats its name. It can be restored for seven days", Args: cli.Exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			gone, err := c.DeleteWorkspace(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(gone, func(w io.Writer) {
				fmt.Fprintf(w, "Deleted %s. An owner can restore it on the page until %s.\n", gone.Name, gone.Ends.Local().Format("2 January 15:04"))
			})
		},
	}
}

func workspaceRestore(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "restore NAME", Short: "Open a deleted workspace again, by an administrator of the site", Args: cli.Exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			_, err = c.RestoreWorkspace(cmd.Context(), args[0])
			return err
		},
	}
}

// workspaceToken is a token of a login, with the workspace that it is bound to.
type workspaceToken struct {
	ID    string `json:"id"`
	Name  string `json:"name"` // when it was logged in to
	Token string `json:"token"`
}

// add keeps the token, in the place of an earlier one of the same workspace, and chooses it.
func (l *login) add(t workspaceToken) {
	kept := []workspaceToken{t}
	for _, other := range l.Workspaces {
		if other.ID != t.ID {
			kept = append(kept, other)
		}
	}
	l.Workspaces, l.Token = kept, t.Token
}

// choose takes the token of the workspace of that name or id.
func (l *login) choose(workspace string) error {
	for _, one := range l.Workspaces {
		if one.ID == workspace || one.Name == workspace {
			l.Token = one.Token
			return nil
		}
	}
	return noLogin(workspace)
}

func noLogin(workspace string) error {
	return fault.New(fault.NotFound, "You have not logged in to a workspace %q. Choose it on the page, make an API token there, and run trunkline login with it.", workspace)
}

func completeLogins(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	file, err := loginFile()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	known, err := readLogin(file)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, one := range known.Workspaces {
		names = append(names, one.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
