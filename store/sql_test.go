package store_test

import (
	"database/sql"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/mattn/go-sqlite3"
)

func execSQLite(t testing.TB, file, statement string)      { execSQL(t, "sqlite3", file, statement) }
func execPostgres(t testing.TB, address, statement string) { execSQL(t, "pgx", address, statement) }

func execSQL(t testing.TB, driver, address, statement string) {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
