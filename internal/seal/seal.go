// Package seal keeps secrets unreadable where they rest: in the database, in backups of it, in a browser's cookie.
//
// It knows keys in a file and authenticated encryption. It refuses to know what is sealed: the caller gives a purpose, and a value sealed
// for one purpose cannot be opened for another.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"trunkline/internal/fault"
)

// KeyBytes is the length of a key.
const KeyBytes = 32

// Ring is one key that seals and all that open.
type Ring struct {
	keys []key // the first seals
}

type key struct {
	id     string // 8 hexadecimal digits, in front of what it sealed
	secret []byte
}

// New makes a ring of keys of KeyBytes each; the first seals, all open. It needs at least one.
func New(secrets ...[]byte) (*Ring, error) {
	if len(secrets) == 0 {
		return nil, fault.New(fault.Invalid, "There is no key to seal secrets with.")
	}
	r := &Ring{}
	for _, secret := range secrets {
		if len(secret) != KeyBytes {
			return nil, fault.New(fault.Invalid, "A key to seal secrets with has %d bytes, and needs %d.", len(secret), KeyBytes)
		}
		sum := sha256.Sum256(append([]byte("trunkline key id\x00"), secret...))
		r.keys = append(r.keys, key{id: hex.EncodeToString(sum[:4]), secret: secret})
	}
	return r, nil
}

// Random is a ring whose key nobody else has: what it sealed cannot be opened after a restart.
func Random() *Ring {
	secret := make([]byte, KeyBytes)
	rand.Read(secret)
	r, err := New(secret)
	if err != nil {
		panic(err) // the length is ours
	}
	return r
}

// Seal returns text of URL-safe letters and dots. about is bound to it: Open needs the same. XChaCha20-Poly1305 with random nonces and a key
// of its own for each purpose, by HKDF (RFC 5869).
func (r *Ring) Seal(purpose, about string, plain []byte) (string, error) {
	first := r.keys[0]
	aead, err := first.aead(purpose)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	rand.Read(nonce)
	return first.id + "." + base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, []byte(about))), nil
}

// Open returns what was sealed for the purpose and about the same thing. Code: invalid, without a word on why: it was changed, or its key
// is not in the ring.
func (r *Ring) Open(purpose, about, sealed string) ([]byte, error) {
	id, body, _ := strings.Cut(sealed, ".")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil, unopened(err)
	}
	for _, k := range r.keys {
		if k.id != id {
			continue
		}
		aead, err := k.aead(purpose)
		if err != nil {
			return nil, err
		}
		if len(raw) < aead.NonceSize() {
			return nil, unopened(errors.New("too short"))
		}
		plain, err := aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], []byte(about))
		if err != nil {
			return nil, unopened(err)
		}
		return plain, nil
	}
	return nil, unopened(errors.New("sealed with key " + strings.ToValidUTF8(id[:min(len(id), 8)], "?") + ", which is not in the ring"))
}

func unopened(cause error) error {
	return fault.Wrap(cause, fault.Invalid, "A sealed value cannot be opened: it was changed, or sealed with another key.")
}

func (k key) aead(purpose string) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, k.secret, nil, "trunkline "+purpose, KeyBytes)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "A key cannot be derived.")
	}
	aead, err := chacha20poly1305.NewX(derived)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "A key cannot be used.")
	}
	return aead, nil
}
