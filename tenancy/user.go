package tenancy

import (
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"trunkline/internal/fault"
)

// DefaultTenant is the id of the workspace made at first start.
const DefaultTenant = "default"

// User is a person with a local account. Email and PasswordHash are empty until the person has chosen them.
type User struct {
	ID           string
	Email        string // or a plain account name; lower case, unique
	Name         string
	PasswordHash string
	SiteAdmin    bool
	Created      time.Time
	Service      bool // an account of programs, and no person
}

// Membership is a user's role in a tenant. The same tenant may be given by hand and by providers: the highest role counts.
type Membership struct {
	UserID   string
	TenantID string
	Role     Role
	Source   string // ByHand, or the id of the provider whose claims give it
}

// ByHand is the source of memberships that people gave, and not a provider's claims.
const ByHand = ""

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// CleanEmail brings an e-mail address or plain account name into the one form that is stored and compared.
func CleanEmail(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	if plainName.MatchString(email) {
		return email, nil
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > 254 {
		return "", fault.New(fault.Invalid, "Give an e-mail address, or an account name of small letters, digits, dots and dashes.").InField("email")
	}
	return email, nil
}

// CleanName checks the name that others see; "" is taken from the account.
func CleanName(name, email string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		name, _, _ = strings.Cut(email, "@")
	}
	if utf8.RuneCountInString(name) > 80 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fault.New(fault.Invalid, "Choose a name of at most 80 characters, without line breaks.").InField("name")
	}
	return name, nil
}
