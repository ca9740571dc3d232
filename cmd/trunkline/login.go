package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"trunkline/internal/cli"
	"trunkline/internal/client"
	"trunkline/internal/fault"
)

// login is what trunkline login remembers.
type login struct {
	URL        string           `json:"url"`
	Token      string           `json:"token"` // of the workspace that is chosen
	Workspaces []workspaceToken `json:"workspaces,omitempty"`
}

func loginFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "There is no folder for settings: set HOME or XDG_CONFIG_HOME.")
	}
	return filepath.Join(dir, "trunkline", "login.json"), nil
}

// findLogin takes flags, then the environment, then the login, then the controller that runs on this machine.
func findLogin(address, token, workspace string) (string, string, error) {
	if address == "" {
		address = os.Getenv("TRUNKLINE_URL")
	}
	if token == "" {
		token = os.Getenv("TRUNKLINE_TOKEN")
	}
	if address != "" && token != "" {
		return address, token, nil
	}
	file, err := loginFile()
	if err != nil {
		return "", "", err
	}
	for _, candidate := range []string{file, filepath.Join(defaultData(), "ready.json")} {
		known, err := readLogin(candidate)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return "", "", fault.Wrap(err, fault.Invalid, "The file %s cannot be read. Run trunkline login again.", candidate)
		}
		if address == "" || address == known.URL {
			if workspace != "" && token == "" && len(known.Workspaces) > 0 {
				if err := known.choose(workspace); err != nil {
					return "", "", err
				}
			}
			return known.URL, firstOf(token, known.Token), nil
		}
	}
	return "", "", fault.New(fault.Unauthenticated, "Which controller? Run trunkline login URL, or set TRUNKLINE_URL and TRUNKLINE_TOKEN.")
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func readLogin(file string) (login, error) {
	var known login
	text, err := os.ReadFile(file)
	if err != nil {
		return known, err
	}
	return known, json.Unmarshal(text, &known)
}

func loginCommand() *cobra.Command {
	var token string
	cmd := &cobra.Command{
		Use:   "login URL",
		Short: "Remember a controller and a token (made on its account page)",
		Args:  cli.Exactly("URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if token == "" {
				var err error
				if token, err = askToken(args[0]); err != nil {
					return err
				}
			}
			c, err := client.New(args[0], token)
			if err != nil {
				return err
			}
			me, err := c.Me(cmd.Context())
			if err != nil {
				return err
			}
			file, err := loginFile()
			if err != nil {
				return err
			}
			kept := login{URL: c.Address()}
			if before, err := readLogin(file); err == nil && before.URL == kept.URL {
				kept = before // with its tokens of other workspaces
			}
			kept.add(workspaceToken{ID: me.TenantID, Name: me.Workspace, Token: token})
			if err := keepLogin(file, kept); err != nil {
				return err
			}
			fmt.Printf("Signed in to %s as %s, in the workspace %s.\n", c.Address(), me.UserName, me.Workspace)
			return nil
		},
	}
	cmd.Flags().StringVar(&token, "token", "", "the token (asked for when missing)")
	return cmd
}

func askToken(address string) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", cli.UsageError{Err: errors.New("no terminal to ask for the token on: give --token")}
	}
	fmt.Fprintf(os.Stderr, "Token for %s (account page, API tokens): ", address)
	text, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return strings.TrimSpace(string(text)), err
}

func keepLogin(file string, l login) error {
	if err := writeLogin(file, l); err != nil {
		return fault.Wrap(err, fault.Invalid, "The login could not be kept in %s.", file)
	}
	return nil
}

func writeLogin(file string, l login) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}
