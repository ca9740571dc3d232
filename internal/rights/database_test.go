package rights_test

import (
	"os"
	"testing"

	"trunkline/internal/testkit"
)

// TestOnPostgresEveryAddressAnswersAsItsVerbSays is the same matrix on the other database.
func TestOnPostgresEveryAddressAnswersAsItsVerbSays(t *testing.T) {
	server := os.Getenv("TRUNKLINE_TEST_POSTGRES")
	if server == "" {
		t.Skip("TRUNKLINE_TEST_POSTGRES names no PostgreSQL server")
	}
	everyAddress(t, seams{database: testkit.Schema(t, server)})
}
