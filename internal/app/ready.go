package app

import (
	"encoding/json"
	"os"
	"path/filepath"

	"trunkline/internal/fault"
)

// Ready is what scripts and tests wait for: it is written whole, once the controller can serve.
type Ready struct {
	URL        string `json:"url"`
	SignInLink string `json:"sign_in_link,omitempty"`
	Token      string `json:"token"` // of an administrator
	PID        int    `json:"pid"`
	Version    string `json:"version"`
}

// write puts the file in its place in one step, for the owner's eyes only.
func (r Ready) write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fault.Wrap(err, fault.Internal, "The ready file could not be made.")
	}
	part := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".part")
	if err := os.WriteFile(part, append(text, '\n'), 0o600); err != nil {
		return fault.Wrap(err, fault.Invalid, "The ready file %s cannot be written. Check its folder.", file)
	}
	if err := os.Rename(part, file); err != nil {
		return fault.Wrap(err, fault.Invalid, "The ready file %s cannot be written. Check its folder.", file)
	}
	return nil
}
