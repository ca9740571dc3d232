package tenancy

import (
	"strings"
	"unicode/utf8"

	zxcvbn "github.com/ccojocar/zxcvbn-go"

	"trunkline/internal/fault"
)

const (
	// shortestPassword is in characters.
	shortestPassword = 10
	// guessable is how many bits of a password still fall to lists of common ones, names, dates and rows of keys.
	guessable = 24
	// estimated is how much of a long password is looked at: the time for it grows with the square.
	estimated = 64
)

// CheckPassword refuses passwords that keep nobody out: too short ones, common ones, and those made of what is known of the person, such as
// name and address. It names no rules of what has to be in one. Code: invalid, with its field.
func CheckPassword(password string, known ...string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < shortestPassword:
		return fault.New(fault.Invalid, "Choose a password of at least %d characters; a few words in a row are good.", shortestPassword).InField("password")
	case len(password) > 512:
		return fault.New(fault.Invalid, "Choose a password of at most 512 bytes.").InField("password")
	}
	start := []rune(password)
	start = start[:min(len(start), estimated)]
	if zxcvbn.PasswordStrength(string(start), knownWords(known)).Entropy < guessable {
		return fault.New(fault.Invalid, "That password is among the first that are guessed. Choose another one; a few words in a row are good.").InField("password")
	}
	return nil
}

// knownWords are the words of what is known of a person, and of where the password is for.
func knownWords(known []string) []string {
	words := []string{"trunkline"}
	for _, text := range known {
		words = append(words, text)
		words = append(words, strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" @.-_+", r) })...)
	}
	return words
}
