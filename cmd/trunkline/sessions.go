package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/templates"
)

func sessionsCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "sessions", Short: "Browsers in which you are signed in"})
	cmd.AddCommand(sessionList(o), sessionEnd(o))
	return cmd
}

func sessionList(o *options) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List them, the last seen first", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			sessions, err := c.Sessions(cmd.Context(), user)
			if err != nil {
				return err
			}
			return o.print(sessions, func(w io.Writer) {
				fmt.Fprintln(w, "ID\tBROWSER\tFROM\tSIGNED IN\tLAST SEEN\tENDS")
				for _, s := range sessions {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.ID, templates.BrowserName(s.Agent), s.Address, age(s.Created), age(s.Seen), tokenEnd(s.Expires))
				}
			})
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "id of somebody else (trunkline members ls), for administrators of the site")
	return cmd
}

func sessionEnd(o *options) *cobra.Command {
	var user string
	var all bool
	cmd := &cobra.Command{
		Use: "end [ID]", Short: "Sign a browser out, or all with --all; open pages and shells close at once",
		Args: func(_ *cobra.Command, args []string) error {
			if all == (len(args) == 1) || len(args) > 1 {
				return cli.UsageError{Err: errors.New("end takes the ID of one session, or --all")}
			}
			if user != "" && !all {
				return cli.UsageError{Err: errors.New("--user goes with --all")}
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			c, err := o.client()
			if err != nil || len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			sessions, err := c.Sessions(cmd.Context(), "")
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var ids []string
			for _, s := range sessions {
				ids = append(ids, s.ID+"\t"+templates.BrowserName(s.Agent)+" from "+s.Address)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			if !all {
				return c.EndSession(cmd.Context(), args[0])
			}
			n, err := c.EndSessions(cmd.Context(), user)
			if err != nil {
				return err
			}
			return o.print(map[string]int{"ended": n}, func(w io.Writer) { fmt.Fprintln(w, templates.Count(n, "session was", "sessions were")+" ended.") })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every browser")
	cmd.Flags().StringVar(&user, "user", "", "id of somebody else, for administrators of the site")
	return cmd
}
