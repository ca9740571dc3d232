package rights_test

import (
	"database/sql"
	"net/url"
	"os"
	"testing"

	"trunkline/internal/ident"
)

// TestOnPostgresEveryAddressAnswersAsItsVerbSays is the same matrix on the other database.
func TestOnPostgresEveryAddressAnswersAsItsVerbSays(t *testing.T) {
	server := os.Getenv("TRUNKLINE_TEST_POSTGRES")
	if server == "" {
		t.Skip("TRUNKLINE_TEST_POSTGRES names no PostgreSQL server")
	}
	everyAddress(t, seams{database: schema(t, server)})
}

// schema is the address of a schema of its own.
func schema(t *testing.T, server string) string {
	t.Helper()
	name := "rights_" + ident.New()
	do := func(statement string) {
		db, err := sql.Open("pgx", server)
		must(t, err)
		defer db.Close()
		_, err = db.Exec(statement)
		must(t, err)
	}
	do("CREATE SCHEMA " + name)
	t.Cleanup(func() { do("DROP SCHEMA " + name + " CASCADE") })
	u, err := url.Parse(server)
	must(t, err)
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}
