package main

import (
	"context"
	"path/filepath"

	"trunkline/lab/control"
	"trunkline/store"
)

// joinTokens makes tokens in the database of a controller that does not run yet.
func joinTokens(ctx context.Context, data string, count int) (tokens []string, err error) {
	s, err := store.Open(ctx, store.Config{URL: filepath.Join(data, "controller", "trunkline.db")})
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := s.Close(); err == nil {
			err = closing
		}
	}()
	for range count {
		token, err := s.CreateJoinToken(ctx, control.JoinRequest{})
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token.Secret)
	}
	return tokens, nil
}
