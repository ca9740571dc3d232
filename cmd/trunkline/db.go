package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"trunkline/internal/app"
	"trunkline/internal/cli"
	"trunkline/internal/fault"
	"trunkline/store"
	"trunkline/tenancy"
)

// dataSettings say whose database is meant. They are the controller's own, so that its environment serves.
type dataSettings struct {
	Data     string `env:"TRUNKLINE_DATA"`
	Database string `env:"TRUNKLINE_DATABASE"`
}

func (s *dataSettings) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.Data, "data", firstOf(s.Data, defaultData()), "the controller's data folder")
	cmd.Flags().StringVar(&s.Database, "database", s.Database, "postgres://… (default: SQLite in the data folder)")
}

func (s *dataSettings) places() app.Places { return app.PlacesOf(s.Data, s.Database) }

func databaseCommand(o *options) *cobra.Command {
	cmd := cli.Group(&cobra.Command{
		Use: "db", Short: "Back up, restore, move and upgrade the database, on the controller's machine",
	})
	cmd.AddCommand(databaseMigrate(o), databaseBackup(o), databaseRestore(o), databaseCopy(o))
	return cmd
}

func databaseMigrate(o *options) *cobra.Command {
	var s dataSettings
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the database to this build's schema, as starting does", Args: cli.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.Offline(s.Data, func() error {
				done, err := store.Migrate(cmd.Context(), s.places().Database)
				if err != nil {
					return err
				}
				return o.print(done, func(w io.Writer) {
					if len(done.Ran) == 0 {
						fmt.Fprintf(w, "The database is up to date: schema %d.\n", done.Version)
						return
					}
					for _, name := range done.Ran {
						fmt.Fprintln(w, name)
					}
					fmt.Fprintf(w, "The database had schema %d and has %d now.\n", done.From, done.Version)
				})
			})
		},
	}
	cli.Bind(cmd, &s, s.flags)
	return cmd
}

func databaseBackup(o *options) *cobra.Command {
	var s dataSettings
	var how store.BackupOptions
	var withFiles bool
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Write the database to a file, as it is at this moment; the controller may go on", Args: cli.Exactly("FILE"),
		Long: "Write the database to a file, as it is at this moment; the controller may go on. The file is a SQLite database, also where the database is PostgreSQL, " +
			"and holds the secrets that the database holds: it is readable by you alone. Project files are kept beside the database; --with-files puts both into one tar file.",
		RunE: func(cmd *cobra.Command, args []string) error {
			how.Told = tellProgress(o)
			if withFiles {
				how.Files = s.places().Files
			}
			begun := time.Now()
			done, err := store.Backup(cmd.Context(), s.places().Database, args[0], how)
			if err != nil {
				return err
			}
			return o.print(done, func(w io.Writer) { printBackup(w, done, withFiles, time.Since(begun)) })
		},
	}
	cmd.Flags().BoolVar(&how.Force, "force", false, "replace FILE if it is there")
	cmd.Flags().BoolVar(&withFiles, "with-files", false, "put the project files of all labs beside the database, into one tar file")
	cli.Bind(cmd, &s, s.flags)
	return cmd
}

func printBackup(w io.Writer, done store.BackedUp, withFiles bool, took time.Duration) {
	printTables(w, done.Tables)
	fmt.Fprintf(w, "%s: %d rows, schema %d, %.1f MB, checked, %.1f s.\n", done.File, store.Copied{Tables: done.Tables}.Rows(), done.Version, float64(done.Bytes)/1e6, took.Seconds())
	switch {
	case !withFiles:
		fmt.Fprintln(w, "Project files of labs are not in it: they are beside the database. --with-files takes them along.")
	case len(done.Missing) > 0:
		fmt.Fprintf(w, "%d project files are in it; %d that labs name were not in the data folder. Import those labs again.\n", done.Files, len(done.Missing))
	default:
		fmt.Fprintf(w, "%d project files are in it.\n", done.Files)
	}
}

func databaseRestore(o *options) *cobra.Command {
	var s dataSettings
	var how store.RestoreOptions
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup into an empty database; the controller has to be stopped", Args: cli.Exactly("FILE"),
		Long: "Put a backup into an empty database, SQLite or PostgreSQL, whichever it was made of. A backup of an earlier build is migrated, one of a later build refused. " +
			"The controller has to be stopped. Until all is there and checked, the database is what it was.",
		RunE: func(cmd *cobra.Command, args []string) error {
			places := s.places()
			how.Files, how.Work, how.Told = places.Files, places.Work, tellProgress(o)
			return app.Offline(s.Data, func() error {
				done, err := store.Restore(cmd.Context(), args[0], places.Database, how)
				if err != nil {
					return err
				}
				if err := s.recordRestore(cmd.Context(), args[0], done); err != nil {
					return err
				}
				return o.print(done, func(w io.Writer) {
					printTables(w, done.Tables)
					fmt.Fprintf(w, "Restored %d rows and %d project files; schema %d.", store.Copied{Tables: done.Tables}.Rows(), done.Files, done.Schema)
					if done.From != done.Schema {
						fmt.Fprintf(w, " The backup had %d.", done.From)
					}
					fmt.Fprintln(w)
				})
			})
		},
	}
	cmd.Flags().BoolVar(&how.Force, "force", false, "replace the rows that are there")
	cli.Bind(cmd, &s, s.flags)
	return cmd
}

// recordRestore tells the audit that what it tells of later was lost, or undone.
func (s *dataSettings) recordRestore(ctx context.Context, file string, done store.Restored) error {
	return s.withAudit(ctx, func(_ *store.Store, log *store.AuditLog) error {
		return log.Record(ctx, tenancy.AuditEvent{
			Actor: whoIsHere(), Verb: tenancy.AuditDatabaseRestore, Object: tenancy.AuditObject{Kind: "database", Name: file}, After: map[string]any{"schema": done.Schema, "from": done.From},
		})
	})
}

func databaseCopy(o *options) *cobra.Command {
	var s dataSettings
	var to string
	cmd := &cobra.Command{
		Use: "copy --to DATABASE", Short: "Copy the database to another that is empty, such as from SQLite to PostgreSQL", Args: cli.Exactly(),
		Long: "Copy the database to another that is empty, from SQLite to PostgreSQL or back, and compare the two row by row. The controller has to be stopped, since what " +
			"it writes later would be lost. Start it with the other database afterwards; project files stay where they are.",
		Example: "  trunkline db copy --to 'postgres://trunkline@db.example.org/trunkline'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return cli.UsageError{Err: fault.New(fault.Invalid, "--to says where the copy goes: postgres://user@host/name, or a file.")}
			}
			return app.Offline(s.Data, func() error {
				copied, err := store.Copy(cmd.Context(), s.places().Database, to, tellProgress(o))
				if err != nil {
					return err
				}
				return o.print(copied, func(w io.Writer) {
					printTables(w, copied.Tables)
					fmt.Fprintf(w, "%d rows of %d tables are the same in both. Start Trunkline with --database %s from now on; the old database was not changed.\n",
						copied.Rows(), len(copied.Tables), withoutPassword(to))
				})
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "postgres://user@host/name, or the file of a SQLite database")
	cli.Bind(cmd, &s, s.flags)
	return cmd
}

// withoutPassword is an address as it may be shown.
func withoutPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	return u.Redacted()
}

func printTables(w io.Writer, tables []store.CopiedTable) {
	fmt.Fprintln(w, "TABLE\tROWS\tSHA256")
	for _, t := range tables {
		fmt.Fprintf(w, "%s\t%d\t%.16s\n", t.Table, t.Rows, t.SHA256)
	}
	fmt.Fprintln(w)
}

// tellProgress tells on a terminal what goes on, since a large database takes minutes.
func tellProgress(o *options) store.Progress {
	info, err := os.Stderr.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || o.output == "json" {
		return nil
	}
	var told time.Time
	return func(what string, rows int64) {
		if time.Since(told) < 200*time.Millisecond {
			return
		}
		told = time.Now()
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s %d", what, rows)
		if what == "committing" || what == "putting it in its place" {
			fmt.Fprintln(os.Stderr)
		}
	}
}

// openStore opens a database that is of this build's schema; it migrates none, since a controller may be using it.
func (s *dataSettings) openStore(ctx context.Context) (*store.Store, error) {
	if err := store.RequireCurrent(ctx, s.places().Database); err != nil {
		return nil, err
	}
	return store.Open(ctx, store.Config{URL: s.places().Database})
}
