package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"trunkline/internal/app"
	"trunkline/internal/cli"
)

// serveSettings are the controller's.
type serveSettings struct {
	cli.LogSettings
	Listen    string        `env:"TRUNKLINE_LISTEN" envDefault:"127.0.0.1:8080"`
	PublicURL string        `env:"TRUNKLINE_PUBLIC_URL"`
	Data      string        `env:"TRUNKLINE_DATA"`
	Database  string        `env:"TRUNKLINE_DATABASE"`
	ReadyFile string        `env:"TRUNKLINE_READY_FILE"`
	Providers string        `env:"TRUNKLINE_PROVIDERS"`
	Proxies   []string      `env:"TRUNKLINE_TRUSTED_PROXY"`
	LostAfter time.Duration `env:"TRUNKLINE_LOST_AFTER" envDefault:"2m"`

	SessionIdle time.Duration `env:"TRUNKLINE_SESSION_IDLE" envDefault:"12h"`
	SessionLife time.Duration `env:"TRUNKLINE_SESSION_LIFE" envDefault:"168h"`
}

func (s *serveSettings) flags(cmd *cobra.Command) {
	s.LogSettings.Flags(cmd)
	f := cmd.Flags()
	f.StringVar(&s.Listen, "listen", s.Listen, "address and port for browsers, clients and hosts; port 0 takes a free one")
	f.StringVar(&s.PublicURL, "public-url", s.PublicURL, "the address people type; with https, cookies are secure (default: from --listen)")
	f.StringVar(&s.Data, "data", firstOf(s.Data, defaultData()), "folder of the database and project files")
	f.StringVar(&s.Database, "database", s.Database, "postgres://… (default: SQLite in the data folder)")
	f.StringSliceVar(&s.Proxies, "trusted-proxy", s.Proxies, "networks of the proxies in front, such as 10.0.0.0/8: X-Forwarded-For and -Proto are believed from there alone")
	f.DurationVar(&s.LostAfter, "lost-after", s.LostAfter, "a host away for longer is lost: its nodes are placed anew where the lab's policy says so")
	f.StringVar(&s.Providers, "providers", s.Providers, "YAML file of the providers that people sign in by (docs/sso.md)")
	f.StringVar(&s.ReadyFile, "ready-file", s.ReadyFile, "write url, sign_in_link, token, pid and version here as JSON once it can serve")
	f.DurationVar(&s.SessionIdle, "session-idle", s.SessionIdle, "a browser in which nothing is done for so long is signed out")
	f.DurationVar(&s.SessionLife, "session-life", s.SessionLife, "nobody stays signed in for longer than this")
}

// app checks the settings that need no part to be open.
func (s *serveSettings) app() (app.Settings, error) {
	log, err := s.Logger()
	if err != nil {
		return app.Settings{}, err
	}
	settings := app.Settings{
		Listen: s.Listen, PublicURL: s.PublicURL, Data: s.Data, Database: s.Database, Providers: s.Providers, ReadyFile: s.ReadyFile, Proxies: s.Proxies, LostAfter: s.LostAfter,
		Version: Version, Log: log,
	}
	settings.SessionIdle, settings.SessionLife = s.SessionIdle, s.SessionLife
	if err := settings.Check(); err != nil {
		return app.Settings{}, cli.UsageError{Err: err}
	}
	return settings, nil
}

// defaultData is the system's folder for root and one's own for others.
func defaultData() string {
	if os.Geteuid() == 0 {
		return "/var/lib/trunkline"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "trunkline")
	}
	return filepath.Join(home, ".local", "share", "trunkline")
}
