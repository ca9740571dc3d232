package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
)

// options are the flags that every client command has.
type options struct {
	controller string
	token      string
	workspace  string
	output     string
}

func rootCommand() *cobra.Command {
	o := &options{}
	root := cli.Group(&cobra.Command{
		Use:     "trunkline",
		Short:   "A network lab in the browser, for many tenants at once",
		Version: Version,
	})
	flags := root.PersistentFlags()
	flags.StringVar(&o.controller, "controller", "", "address of the controller (default: TRUNKLINE_URL, the login, or the one running here)")
	flags.StringVar(&o.token, "token", "", "API token (default: TRUNKLINE_TOKEN or the login)")
	flags.StringVar(&o.workspace, "workspace", os.Getenv("TRUNKLINE_WORKSPACE"), "name or id of the workspace (default: TRUNKLINE_WORKSPACE, or the one chosen by trunkline workspace use)")
	flags.StringVarP(&o.output, "output", "o", "table", "table or json")
	if err := root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is registered three lines above
	}
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if o.output != "table" && o.output != "json" {
			return cli.UsageError{Err: fmt.Errorf("-o takes table or json, not %q", o.output)}
		}
		return nil
	}
	root.AddCommand(
		upCommand(), serveCommand(), cli.HostCommand("host", Version), doctorCommand(o),
		loginCommand(), labCommand(o), nodeCommand(o), switchCommand(o), linkCommand(o), execCommand(o), shellCommand(o), copyCommand(o),
		imagesCommand(o), hostsCommand(o), networksCommand(o), tokenCommand(o), workspaceCommand(o), membersCommand(o), quotaCommand(o), inviteCommand(o), databaseCommand(o), auditCommand(o), providersCommand(o),
	)
	root.AddCommand(sessionsCommand(o), serviceCommand(o))
	return root
}

func (o *options) client() (*client.Client, error) {
	address, token, err := findLogin(o.controller, o.token, o.workspace)
	if err != nil {
		return nil, err
	}
	c, err := client.New(address, token)
	if err != nil {
		return nil, err
	}
	return c.In(o.workspace), nil
}

// print writes value as JSON, or calls table with a writer that lines columns up.
func (o *options) print(value any, table func(w io.Writer)) error {
	if o.output == "json" {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	table(w)
	return w.Flush()
}
