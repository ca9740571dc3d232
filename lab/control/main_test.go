package control_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"trunkline/internal/testkit"
)

// onPostgres runs every rig of the suite on PostgreSQL instead of SQLite: TRUNKLINE_TEST_CONTROL=postgres go test ./lab/control
var onPostgres = os.Getenv("TRUNKLINE_TEST_CONTROL") == "postgres"

// TestMain starts a PostgreSQL when the suite is to run on it and the environment names none.
func TestMain(m *testing.M) {
	code, err := withPostgres(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "control tests:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func withPostgres(m *testing.M) (code int, err error) {
	if !onPostgres || os.Getenv("TRUNKLINE_TEST_POSTGRES") != "" {
		return m.Run(), nil
	}
	server, err := testkit.StartPostgres(context.Background())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if err := os.Setenv("TRUNKLINE_TEST_POSTGRES", server.URL); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// databaseOf is the address of a new database for a rig.
func databaseOf(t *testing.T) string {
	t.Helper()
	if onPostgres {
		return testkit.Schema(t, os.Getenv("TRUNKLINE_TEST_POSTGRES"))
	}
	return filepath.Join(t.TempDir(), "trunkline.db")
}
