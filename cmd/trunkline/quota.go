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

func quotaCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{
		Use: "quota", Short: "Quotas: what workspaces and people may use, and do use",
		Long: "Quotas: what workspaces and people may use, and do use.\n\nLimits are written as people say them: nodes=20 cpu=2.5 memory=\"8 GiB\" uploads=1GiB hours=40h egress=\"10 Mbit/s\" disk=unlimited; default takes a limit back.",
	})
	cmd.AddCommand(quotaShow(o), quotaSet(o))
	return cmd
}

func quotaShow(o *options) *cobra.Command {
	var person string
	var all, site bool
	cmd := &cobra.Command{
		Use: "show", Short: "Show what you use; with --all everybody in the workspace, with --person one of them, with --site all workspaces", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			switch {
			case site:
				return showSite(cmd, o, c)
			case all, person != "":
				return showWorkspace(cmd, o, c, person)
			}
			own, err := c.OwnQuota(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(own, func(w io.Writer) {
				fmt.Fprintln(w, "RESOURCE\tYOU\tOF\tWORKSPACE\tOF")
				for i, line := range own.Person.Lines {
					whole := own.Workspace.Lines[i]
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", line.Resource, usedText(line), line.LimitText, usedText(whole), whole.LimitText)
				}
			})
		},
	}
	cmd.Flags().StringVar(&person, "person", "", "name, e-mail address or id of a member")
	cmd.Flags().BoolVar(&all, "all", false, "everybody in the workspace, for its managers and owners")
	cmd.Flags().BoolVar(&site, "site", false, "all workspaces and the site's defaults, for its administrators")
	cmd.MarkFlagsMutuallyExclusive("person", "all", "site")
	return cmd
}

// usedText is empty for a rate, which nobody uses up.
func usedText(line tenancy.QuotaLine) string {
	if line.Resource == tenancy.QuotaEgress {
		return ""
	}
	return line.UsedText
}

func showWorkspace(cmd *cobra.Command, o *options, c *client.Client, person string) error {
	all, err := c.WorkspaceQuota(cmd.Context())
	if err != nil {
		return err
	}
	if person == "" {
		return o.print(all, func(w io.Writer) {
			holders(w, "PERSON", append(all.People, tenancy.QuotaHolder{Name: "(all)", Lines: all.Workspace.Lines}))
		})
	}
	for _, one := range all.People {
		if one.ID == person || one.Name == person {
			return o.print(one, func(w io.Writer) {
				fmt.Fprintln(w, "RESOURCE\tUSED\tOF")
				for _, line := range one.Lines {
					fmt.Fprintf(w, "%s\t%s\t%s\n", line.Resource, usedText(line), line.LimitText)
				}
			})
		}
	}
	return fault.New(fault.NotFound, "Nobody in this workspace is called %q.", person)
}

func showSite(cmd *cobra.Command, o *options, c *client.Client) error {
	site, err := c.SiteQuota(cmd.Context())
	if err != nil {
		return err
	}
	return o.print(site, func(w io.Writer) {
		holders(w, "WORKSPACE", append(site.Workspaces, tenancy.QuotaHolder{Name: "(default of workspaces)", Lines: site.ForWorkspaces}, tenancy.QuotaHolder{Name: "(default of people)", Lines: site.ForPeople}))
	})
}

// holders is a table with a column for each resource.
func holders(w io.Writer, of string, all []tenancy.QuotaHolder) {
	fmt.Fprint(w, of)
	for _, resource := range tenancy.Resources {
		fmt.Fprintf(w, "\t%s", strings.ToUpper(string(resource)))
	}
	fmt.Fprintln(w)
	for _, one := range all {
		fmt.Fprint(w, one.Name)
		for _, line := range one.Lines {
			switch {
			case line.Limit == nil && line.Resource == tenancy.QuotaEgress:
				fmt.Fprint(w, "\tunlimited")
			case line.Limit == nil:
				fmt.Fprintf(w, "\t%s", line.UsedText)
			case line.Resource == tenancy.QuotaEgress:
				fmt.Fprintf(w, "\t%s", line.LimitText)
			default:
				fmt.Fprintf(w, "\t%s of %s", line.UsedText, line.LimitText)
			}
		}
		fmt.Fprintln(w)
	}
}

func quotaSet(o *options) *cobra.Command {
	var person, site string
	var each, whole, dryRun bool
	cmd := &cobra.Command{
		Use: "set RESOURCE=LIMIT…", Short: "Say limits: of a person, of each person, of the workspace, or the site's defaults", Args: cobra.MinimumNArgs(1),
		Example: "  trunkline quota set --person mia nodes=10 memory=\"4 GiB\"\n  trunkline quota set --each nodes=5 hours=20h\n  trunkline quota set --whole --workspace physics cpu=32 disk=\"200 GiB\"\n  trunkline quota set --site people labs=20",
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := quotaChange(args)
			if err != nil {
				return err
			}
			change.Person = person
			switch {
			case person != "":
				change.Target = tenancy.ForPerson
			case each:
				change.Target = tenancy.ForEach
			case whole:
				change.Target = tenancy.ForWorkspace
			case site == "workspaces":
				change.Target = tenancy.ForSiteWorkspaces
			case site == "people":
				change.Target = tenancy.ForSitePeople
			default:
				return cli.UsageError{Err: fmt.Errorf("say whose limits they are: --person NAME, --each, --whole, --site workspaces or --site people")}
			}
			return setQuota(cmd, o, change, dryRun)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&person, "person", "", "name, e-mail address or id of a member, by an owner")
	flags.BoolVar(&each, "each", false, "everybody in the workspace of whom nothing else is said, by an owner")
	flags.BoolVar(&whole, "whole", false, "the workspace as a whole, by an administrator of the site; --workspace names another one")
	flags.StringVar(&site, "site", "", "the default of all workspaces or of all people, by an administrator of the site")
	flags.BoolVar(&dryRun, "dry-run", false, "only tell what would change")
	cmd.MarkFlagsMutuallyExclusive("person", "each", "whole", "site")
	return cmd
}

// quotaChange reads RESOURCE=LIMIT.
func quotaChange(args []string) (tenancy.QuotaChange, error) {
	change := tenancy.QuotaChange{Limits: map[tenancy.Resource]string{}}
	for _, arg := range args {
		resource, limit, ok := strings.Cut(arg, "=")
		if !ok {
			return change, cli.UsageError{Err: fmt.Errorf("%q is no limit: write RESOURCE=LIMIT, such as nodes=20", arg)}
		}
		change.Limits[tenancy.Resource(strings.TrimSpace(resource))] = limit
	}
	return change, nil
}

func setQuota(cmd *cobra.Command, o *options, change tenancy.QuotaChange, dryRun bool) error {
	address := *o
	if change.Target == tenancy.ForWorkspace && o.workspace != "" {
		// An administrator of the site need not be in the workspace whose limits these are.
		change.Workspace, address.workspace = o.workspace, ""
	}
	c, err := address.client()
	if err != nil {
		return err
	}
	if change.Target == tenancy.ForWorkspace && change.Workspace == "" {
		me, err := c.Me(cmd.Context())
		if err != nil {
			return err
		}
		change.Workspace = me.TenantID
	}
	changed, err := c.SetQuota(cmd.Context(), change, dryRun)
	if err != nil {
		return err
	}
	return o.print(changed, func(w io.Writer) {
		fmt.Fprintln(w, "RESOURCE\tBEFORE\tAFTER")
		for _, resource := range tenancy.Resources {
			before, after := changed.Before[resource], changed.After[resource]
			if before != after {
				fmt.Fprintf(w, "%s\t%s\t%s\n", resource, orDefault(before), orDefault(after))
			}
		}
		for _, sentence := range changed.Over {
			fmt.Fprintln(w, sentence)
		}
		if dryRun {
			fmt.Fprintln(w, "Nothing was changed: this was a dry run.")
		}
	})
}

func orDefault(limit string) string {
	if limit == "" {
		return "default"
	}
	return limit
}
