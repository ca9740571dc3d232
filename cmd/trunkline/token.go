package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/tenancy"
	"trunkline/web/api"
)

// tokenFlags are shared by the commands about tokens.
type tokenFlags struct{ service string }

func tokenCommand(o *options) *cobra.Command {
	var f tokenFlags
	cmd := cli.Group(&cobra.Command{Use: "token", Short: "API tokens, of yourself or of a service account"})
	cmd.PersistentFlags().StringVar(&f.service, "service", "", "name of a service account of the workspace (default: yourself)")
	mustComplete(cmd, "service", o.completeServices)
	cmd.AddCommand(tokenList(o, &f), tokenCreate(o, &f), tokenRemove(o, &f))
	return cmd
}

func mustComplete(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the flag is registered by the caller
	}
}

// tokens lists one's own, or the service account's.
func (f *tokenFlags) tokens(ctx context.Context, c *client.Client) ([]tenancy.Token, error) {
	if f.service == "" {
		return c.Tokens(ctx)
	}
	services, err := c.Services(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range services {
		if s.Name == f.service || s.ID == f.service {
			return s.Tokens, nil
		}
	}
	return nil, fault.New(fault.NotFound, "There is no service account %q in this workspace.", f.service)
}

func tokenList(o *options, f *tokenFlags) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List tokens", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			tokens, err := f.tokens(cmd.Context(), c)
			if err != nil {
				return err
			}
			return o.print(tokens, func(w io.Writer) {
				fmt.Fprintln(w, "ID\tNAME\tBEGINS\tSCOPE\tWORKSPACE\tMADE\tUSED\tFROM\tENDS")
				for _, t := range tokens {
					fmt.Fprintf(w, "%s\t%s\t%s…\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Prefix, t.Scope, t.Workspace, age(t.Created), age(t.LastUsed), t.LastAddress, tokenEnd(t.Expires))
				}
			})
		},
	}
}

func tokenEnd(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Local().Format("2006-01-02 15:04")
}

func tokenCreate(o *options, f *tokenFlags) *cobra.Command {
	var body api.TokenBody
	var scope string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a token; its secret is printed this once", Args: cli.Exactly("NAME"),
		Example: "  trunkline token create nightly --scope labs --expires 30d\n  trunkline token create nightly --service ci --scope read",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			body.Name, body.Scope = args[0], tenancy.TokenScope(scope)
			var token api.NewToken
			if f.service == "" {
				token, err = c.CreateToken(cmd.Context(), body)
			} else {
				token, err = c.CreateServiceToken(cmd.Context(), f.service, body)
			}
			if err != nil {
				return err
			}
			return o.print(token, func(w io.Writer) { fmt.Fprintln(w, token.Secret) })
		},
	}
	cmd.Flags().StringVar(&scope, "scope", string(tenancy.ScopeAll), "read (look, change nothing), labs (and work with labs) or all")
	cmd.Flags().StringVar(&body.Expires, "expires", "90d", "how long it works, such as 12h or 30d, or never")
	mustComplete(cmd, "scope", cobra.FixedCompletions([]string{"read\tlook, change nothing", "labs\tand work with labs", "all\teverything its person may"}, cobra.ShellCompDirectiveNoFileComp))
	mustComplete(cmd, "expires", cobra.FixedCompletions([]string{"7d", "30d", "90d", "365d", "never"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func tokenRemove(o *options, f *tokenFlags) *cobra.Command {
	return &cobra.Command{
		Use: "rm ID", Aliases: []string{"revoke"}, Short: "End a token at once, with what it has open", Args: cli.Exactly("ID"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			c, err := o.client()
			if err != nil || len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			tokens, err := f.tokens(cmd.Context(), c)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var ids []string
			for _, t := range tokens {
				ids = append(ids, t.ID+"\t"+t.Name)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			if f.service == "" {
				return c.RevokeToken(cmd.Context(), args[0])
			}
			return c.RevokeServiceToken(cmd.Context(), f.service, args[0])
		},
	}
}
