package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/tenancy"
)

func labShare(o *options) *cobra.Command {
	var request client.ShareRequest
	var level string
	var link bool
	cmd := &cobra.Command{
		Use: "share LAB", Short: "Let somebody see, use or change one lab", Args: cli.Exactly("LAB"),
		Example: "  trunkline lab share campus --with mia@example.org --level console --expires 7d\n  trunkline lab share campus --link --guests --uses 30",
		RunE: func(cmd *cobra.Command, args []string) error {
			if link == (request.With != "") {
				return fault.New(fault.Invalid, "Say with whom, by --with, or make a link, by --link.")
			}
			c, err := o.client()
			if err != nil {
				return err
			}
			request.Level = tenancy.Level(level)
			made, err := c.Share(cmd.Context(), args[0], request)
			if err != nil {
				return err
			}
			return o.print(made, func(w io.Writer) {
				if made.Address != "" {
					fmt.Fprintln(w, made.Address)
					return
				}
				fmt.Fprintf(w, "Shared with %s until %s (%s).\n", shareName(made.Share), made.Expires.Local().Format("2 Jan 15:04"), made.Level)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&request.With, "with", "", "a member's name, or the whole e-mail address or account of anybody")
	f.BoolVar(&link, "link", false, "make a link; it is shown this once")
	f.StringVar(&level, "level", "view", "view (look on), console (and work in nodes) or edit (and change and run it)")
	f.StringVar(&request.Life, "expires", "7d", "after how long it ends, such as 8h or 7d")
	f.IntVar(&request.Uses, "uses", 0, "how many people may come by the link; 0 is any number")
	f.BoolVar(&request.Guests, "guests", false, "let in people without an account by the link")
	return cmd
}

func labShares(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "shares LAB", Short: "List with whom a lab is shared", Args: cli.Exactly("LAB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			list, err := c.Shares(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "ID\tWITH\tLEVEL\tBY\tENDS")
				for _, s := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.ID, shareName(s), s.Level, s.ByName, s.Expires.Local().Format("2 Jan 15:04"))
					for _, p := range s.People {
						fmt.Fprintf(w, "%s\t  %s\t\t\t\n", p.ID, p.Name)
					}
				}
			})
		},
	}
}

// shareName says for whom a share is.
func shareName(s tenancy.Share) string {
	switch {
	case s.Link != nil && s.Link.Uses > 0:
		return fmt.Sprintf("link, %d of %d came", s.Link.Used, s.Link.Uses)
	case s.Link != nil:
		return fmt.Sprintf("link, %d came", s.Link.Used)
	case s.Name != "":
		return s.Name
	}
	return s.With
}

func labUnshare(o *options) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "unshare LAB [WHO]", Short: "End a share, by id, name or address; what is open by it closes at once", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 2) {
				return fault.New(fault.Invalid, "Say which share, by its id, name or address, or end them all by --all. See trunkline lab shares LAB.")
			}
			c, err := o.client()
			if err != nil {
				return err
			}
			list, err := c.Shares(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			who := ""
			if !all {
				who = args[1]
			}
			ids := sharesOf(list, who)
			if len(ids) == 0 && !all {
				return fault.New(fault.NotFound, "Lab %s is not shared with %q. See trunkline lab shares %s.", args[0], who, args[0])
			}
			for _, id := range ids {
				if err := c.EndShare(cmd.Context(), args[0], id); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "end every share of the lab")
	return cmd
}

// sharesOf are the ids of what is meant; "" is all shares.
func sharesOf(list []tenancy.Share, who string) []string {
	var ids []string
	for _, s := range list {
		if who == "" || s.ID == who || s.Link == nil && (s.Name != "" && s.Name == who || strings.EqualFold(s.With, who)) {
			ids = append(ids, s.ID)
		}
		for _, p := range s.People {
			if who != "" && p.ID == who {
				ids = append(ids, p.ID)
			}
		}
	}
	return ids
}

func labShared(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "shared", Short: "List the labs that others share with you; use them by id", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			list, err := c.SharedLabs(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "ID\tLAB\tOF\tLEVEL\tENDS")
				for _, l := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.Lab, l.Name, l.Owner, l.Level, l.Until.Local().Format("2 Jan 15:04"))
				}
			})
		},
	}
}
