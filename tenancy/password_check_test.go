package tenancy

import (
	"strings"
	"testing"

	"trunkline/internal/fault"
)

func TestPasswordsThatAreGuessedFirstAreRefused(t *testing.T) {
	for _, password := range []string{
		"short", "password123", "Passw0rd123!", "qwertyuiop", "1q2w3e4r5t", "1234567890", "aaaaaaaaaa", "abcdefghij", "iloveyou123", "sunshine2024",
		"trunkline1", "lovelace1815", "adalovelace1", "example.edu", strings.Repeat("password", 60),
	} {
		if err := CheckPassword(password, "ada.lovelace@example.edu", "Ada Lovelace"); !fault.Is(err, fault.Invalid) || fault.Public(err).Field != "password" {
			t.Errorf("%q: got %v", password, err)
		}
	}
	for _, password := range []string{"three words in a row", "correct horse battery", "Tr0ub4dor&3x", "zwölf Boxkämpfer jagen Eva", strings.Repeat("v9#kT", 100)} {
		if err := CheckPassword(password, "ada.lovelace@example.edu", "Ada Lovelace"); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
	if err := CheckPassword(strings.Repeat("x", 513)); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}
