package rights_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"trunkline/internal/testkit"
)

// TestMain starts a PostgreSQL where the environment names none and one is installed. Where real parts are required it has to be.
func TestMain(m *testing.M) {
	code, err := withPostgres(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "rights tests:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func withPostgres(m *testing.M) (code int, err error) {
	if os.Getenv("TRUNKLINE_TEST_POSTGRES") != "" || os.Getenv("TRUNKLINE_NO_REAL") != "" {
		return m.Run(), nil
	}
	server, err := testkit.StartPostgres(context.Background())
	if errors.Is(err, testkit.ErrNoPostgres) && os.Getenv("TRUNKLINE_REQUIRE_REAL") == "" {
		return m.Run(), nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if err := os.Setenv("TRUNKLINE_TEST_POSTGRES", server.URL); err != nil {
		return 0, err
	}
	return m.Run(), nil
}
