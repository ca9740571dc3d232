package hostlink

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"trunkline/internal/fault"
)

// Identity is who a host is. The private key stays on the host.
type Identity struct {
	HostID     string             `json:"host_id"`
	Name       string             `json:"name"`
	Controller string             `json:"controller"`             // URL the host enrolled at
	Token      string             `json:"token_sha256,omitempty"` // of the token it enrolled with, in hex
	PrivateKey ed25519.PrivateKey `json:"private_key"`
	NextKey    ed25519.PrivateKey `json:"next_key,omitempty"` // while the key is being changed: the one to come
}

// JoinedWith tells whether the host enrolled with this token. An identity from before that was noted says yes to any.
func (id Identity) JoinedWith(token string) bool {
	return id.Token == "" || id.Token == tokenHash(token)
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Check reports what an identity lacks.
func (id Identity) Check() error {
	if id.HostID == "" || len(id.PrivateKey) != ed25519.PrivateKeySize || (len(id.NextKey) > 0 && len(id.NextKey) != ed25519.PrivateKeySize) {
		return fault.New(fault.Invalid, "This identity has no host id or no key. Enrol the host again with a new join token.")
	}
	return nil
}

// LoadIdentity reads what SaveIdentity wrote. A missing file is fault.NotFound; one that others may read is refused.
func LoadIdentity(path string) (Identity, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, fault.Wrap(err, fault.NotFound, "This host is not enrolled yet: there is no %s. Start it with a join token.", path)
	}
	if err != nil {
		return Identity{}, fault.Wrap(err, fault.Unavailable, "The identity %s could not be read.", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Identity{}, fault.New(fault.Forbidden, "Others may read the key in %s (mode %04o). Run: chmod 600 %s", path, mode, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Identity{}, fault.Wrap(err, fault.Unavailable, "The identity %s could not be read.", path)
	}
	var id Identity
	if err := json.Unmarshal(data, &id); err != nil {
		return Identity{}, fault.Wrap(err, fault.Invalid, "The identity %s is damaged. Restore it, or enrol the host again.", path)
	}
	return id, id.Check()
}

// SaveIdentity writes the identity with mode 0600, whole or not at all.
func SaveIdentity(path string, id Identity) error {
	if err := id.Check(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fault.Wrap(err, fault.Internal, "The identity could not be written.")
	}
	if err := writeWhole(path, append(data, '\n')); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The identity could not be saved as %s. Check the folder and the disk.", path)
	}
	return nil
}

// writeWhole replaces a file in one step: a synced temporary file beside it, renamed over it.
func writeWhole(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".identity-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	return folder.Sync()
}
