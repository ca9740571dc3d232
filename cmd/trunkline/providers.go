package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"trunkline/internal/cli"
	"trunkline/internal/fault"
	"trunkline/tenancy"
	signin "trunkline/tenancy/login"
	"trunkline/web/api"
)

func providersCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{Use: "providers", Short: "The organisations that people sign in by, and what their groups give"})
	cmd.AddCommand(providersList(o), providersShow(o), providersApply(o), providersRemove(o), providersTest(o), providersPreview(o))
	return cmd
}

func providersList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the providers", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			list, err := c.Providers(cmd.Context())
			if err != nil {
				return err
			}
			return o.print(list, func(w io.Writer) {
				fmt.Fprintln(w, "ID\tNAME\tISSUER\tRULES\tSTATE")
				for _, p := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", p.ID, p.Name, p.Issuer, len(p.Rules), providerState(p))
				}
			})
		},
	}
}

func providerState(p api.Provider) string {
	state := "on"
	if p.Disabled {
		state = "off"
	}
	if p.FromFile {
		state += ", from the file"
	}
	return state
}

func providersShow(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a provider with its rules", Args: cli.Exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			p, err := c.Provider(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return o.print(p, func(w io.Writer) {
				secret := "none"
				if p.HasSecret {
					secret = "kept, never shown"
				}
				fmt.Fprintf(w, "%s\t%s\nissuer\t%s\nclient\t%s\nsecret\t%s\nscopes\topenid %s\npatience\t%s\nstate\t%s\n", p.ID, p.Name, p.Issuer, p.ClientID, secret,
					strings.Join(p.Scopes, " "), p.Patience, providerState(p))
				for i, r := range p.Rules {
					fmt.Fprintf(w, "rule %d\t%s\n", i+1, ruleInWords(r))
				}
			})
		},
	}
}

func ruleInWords(r tenancy.Rule) string {
	who := r.Match + " in " + r.Claim
	if r.Domain != "" {
		who = "addresses of " + r.Domain
	}
	text := fmt.Sprintf("%s: %s of %s", who, r.Role, r.Tenant)
	if r.Create {
		text += ", made if it is not there"
	}
	return text
}

func providersApply(o *options) *cobra.Command {
	var file string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "apply -f FILE", Short: "Make the providers of a file what they are there; others stay", Args: cli.Exactly(),
		Long: "Make the providers of a file what they are there; others stay.\n\nThe file is the one that trunkline serve --providers takes (docs/sso.md). A provider without client-secret keeps the secret that it has.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return cli.UsageError{Err: fmt.Errorf("-f FILE is needed")}
			}
			all, err := signin.ReadFile(file)
			if err != nil {
				return err
			}
			return o.applyProviders(cmd.Context(), all, dryRun)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "YAML file of the providers")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check the file, say what would be done, and change nothing")
	return cmd
}

func (o *options) applyProviders(ctx context.Context, all []signin.FileProvider, dryRun bool) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	saved := []api.ProviderSaved{}
	for _, p := range all {
		rules := append([]tenancy.Rule{}, p.Rules...)
		settings := api.ProviderSettings{
			Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, Scopes: p.Scopes, AllowPrivate: p.AllowPrivate, Patience: p.Waits().String(), Disabled: p.Disabled, Rules: &rules,
		}
		if p.ClientSecret != "" {
			settings.ClientSecret = &p.ClientSecret
		}
		one, err := c.SaveProvider(ctx, p.ID, settings, dryRun)
		if err != nil {
			return err
		}
		saved = append(saved, one)
	}
	return o.print(saved, func(w io.Writer) {
		for _, one := range saved {
			done := "changed"
			if one.Made {
				done = "made"
			}
			if dryRun {
				done = "would be " + done
			}
			fmt.Fprintf(w, "%s\t%s\t%d rules\n", one.ID, done, len(one.Rules))
		}
	})
}

func providersRemove(o *options) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "rm ID", Aliases: []string{"delete"}, Short: "Delete a provider with its rules; who came in by it is signed out, and what it gave is gone", Args: cli.Exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return cli.UsageError{Err: fmt.Errorf("this signs people out and takes what the provider gave them: say --yes")}
			}
			c, err := o.client()
			if err != nil {
				return err
			}
			return c.DeleteProvider(cmd.Context(), args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "really")
	return cmd
}

func providersTest(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "test ID", Short: "Let the controller ask a provider what it can do", Args: cli.Exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			found, err := c.ExamineProvider(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			err = o.print(found, func(w io.Writer) {
				for _, line := range found.Lines {
					mark := "ok"
					if !line.Good {
						mark = "note"
					}
					fmt.Fprintf(w, "%s\t%s\n", mark, line.Text)
				}
			})
			if err == nil && found.Error != "" {
				err = fault.New(fault.Unavailable, "People cannot sign in by it now. %s", found.Error)
			}
			return err
		},
	}
}

func providersPreview(o *options) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "preview ID", Short: "Say what claims would give by the provider's rules, and why", Args: cli.Exactly("ID"),
		Example: `  echo '{"sub": "ana", "groups": ["net-teachers"]}' | trunkline providers preview campus`,
		RunE: func(cmd *cobra.Command, args []string) error {
			claims, err := readClaims(cmd, file)
			if err != nil {
				return err
			}
			c, err := o.client()
			if err != nil {
				return err
			}
			p, err := c.PreviewClaims(cmd.Context(), args[0], api.PreviewRequest{Claims: claims})
			if err != nil {
				return err
			}
			return o.print(p, func(w io.Writer) { printPreview(w, p) })
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "-", "file with the claims as JSON, or with a token; - is standard input")
	return cmd
}

// claimsMost bounds what is read: the controller takes no more.
const claimsMost = 512 << 10

func readClaims(cmd *cobra.Command, file string) (string, error) {
	in := cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fault.Wrap(err, fault.Invalid, "The file %s cannot be read.", file)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, claimsMost+1))
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "The claims cannot be read.")
	}
	return string(text), nil
}

func printPreview(w io.Writer, p signin.Preview) {
	if p.Token {
		fmt.Fprintln(w, "It was a token. Its signature was not checked.")
	}
	for _, warning := range p.Warnings {
		fmt.Fprintln(w, warning)
	}
	fmt.Fprintln(w, "WORKSPACE\tNOW\tTHEN")
	for _, c := range p.Changes {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.Tenant, cmp.Or(string(c.Was), "-"), cmp.Or(string(c.Is), "taken away"))
	}
	for _, line := range p.Lines {
		fmt.Fprintf(w, "%s\t%s\n", line.Verdict, line.Text)
	}
}
