package testkit

import (
	"context"
	"database/sql"
	"net/url"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"trunkline/internal/ident"
)

// Schema makes a schema of its own in the PostgreSQL at the address, and returns the address that leads there. It goes with the test.
func Schema(t testing.TB, server string) string {
	t.Helper()
	name := "test_" + ident.New()
	do := func(statement string) {
		db, err := sql.Open("pgx", server)
		if err == nil {
			_, err = db.ExecContext(context.WithoutCancel(t.Context()), statement)
			_ = db.Close() // what it did is done
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	do("CREATE SCHEMA " + name)
	t.Cleanup(func() { do("DROP SCHEMA " + name + " CASCADE") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}
