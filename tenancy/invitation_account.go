package tenancy

import (
	"context"

	"trunkline/internal/ident"
)

// newcomer is a local account that is not stored yet.
func (a *Accounts) newcomer(ctx context.Context, email, name, password string) (User, error) {
	if err := a.needPasswords(ctx); err != nil {
		return User{}, err
	}
	user := User{ID: ident.New(), Created: a.now()}
	var err error
	if user.Email, err = CleanEmail(email); err != nil {
		return User{}, err
	}
	if user.Name, err = CleanName(name, user.Email); err != nil {
		return User{}, err
	}
	if err := CheckPassword(password, user.Email, user.Name); err != nil {
		return User{}, err
	}
	user.PasswordHash, err = a.hasher.hash(ctx, password)
	return user, err
}
