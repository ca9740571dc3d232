package hostlink

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"

	"trunkline/internal/fault"
)

// A host's key changes while the host is linked, in steps of which each is durable before the next:
//
//	controller  POST /link/key       a nonce
//	host        makes a new key, saves it beside the one in use, and answers with a proof of it
//	controller  stores the new key beside the old: both let the host link
//	controller  POST /link/key/use   the new key
//	host        saves the new key as its only one
//	controller  forgets the old key
//
// Whichever step a crash prevents, the key the host dials with is one the controller takes. A host that dials with the
// new key while the controller still holds both has finished the change, and the old key is forgotten then. A host that
// is refused although it has a new key tries that next.
const (
	pathKey    = "/link/key"
	pathKeyUse = "/link/key/use"
)

// keyRequest is the body of POST /link/key.
type keyRequest struct {
	Nonce []byte `json:"nonce"` // 32 bytes
}

// keyOffer answers it.
type keyOffer struct {
	PublicKey []byte `json:"public_key"` // Ed25519, 32 bytes
	Signature []byte `json:"signature"`  // by that key, over rotationBytes
}

// keyUse is the body of POST /link/key/use.
type keyUse struct {
	PublicKey []byte `json:"public_key"`
}

func rotationBytes(host string, nonce, key []byte) []byte {
	out := append([]byte("trunkline hostlink key v1\x00"+host+"\x00"), nonce...)
	return append(out, key...)
}

// keyring is an agent's identity, whose key may change while the agent is linked.
type keyring struct {
	keep func(Identity) error // nil: the key cannot change
	log  *slog.Logger

	mu      sync.Mutex
	id      Identity
	tryNext bool // the key in use was refused: the next dial proves the new one
}

// current is the identity to dial with.
func (k *keyring) current() Identity {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := k.id
	if k.tryNext {
		id.PrivateKey = id.NextKey
	}
	return id
}

// refused notes that the controller knows this host and takes another key: the next dial proves the other one, if there is one.
func (k *keyring) refused() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tryNext = !k.tryNext && len(k.id.NextKey) > 0
}

// accepted notes that the controller took the proof of the key: a new key that works replaces the old.
func (k *keyring) accepted(key ed25519.PrivateKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tryNext = false
	if len(k.id.NextKey) == 0 || !key.Equal(k.id.NextKey) {
		return
	}
	if err := k.promoteLocked(); err != nil {
		k.log.Error("The host's new key could not be saved as the one in use; both are kept.", "err", err)
	}
}

func (k *keyring) promoteLocked() error {
	changed := k.id
	changed.PrivateKey, changed.NextKey = k.id.NextKey, nil
	if err := k.keep(changed); err != nil {
		return err
	}
	k.id = changed
	return nil
}

// offer makes a new key, unless one is on its way already, saves it and proves it.
func (k *keyring) offer(nonce []byte) (keyOffer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keep == nil {
		return keyOffer{}, fault.New(fault.Unsupported, "This host keeps its key where it cannot be changed. Enrol it again with a new join token.")
	}
	if len(nonce) != 32 {
		return keyOffer{}, fault.New(fault.Invalid, "The request for a new key holds no nonce of 32 bytes.")
	}
	if len(k.id.NextKey) == 0 {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return keyOffer{}, fault.Wrap(err, fault.Internal, "A key could not be made.")
		}
		changed := k.id
		changed.NextKey = private
		if err := k.keep(changed); err != nil {
			return keyOffer{}, err
		}
		k.id = changed
	}
	public := publicOf(k.id.NextKey)
	return keyOffer{PublicKey: public, Signature: ed25519.Sign(k.id.NextKey, rotationBytes(k.id.HostID, nonce, public))}, nil
}

// use makes the new key the only one. Told again it does nothing.
func (k *keyring) use(key []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if bytes.Equal(key, publicOf(k.id.PrivateKey)) {
		return nil
	}
	if len(k.id.NextKey) == 0 || !bytes.Equal(key, publicOf(k.id.NextKey)) {
		return fault.New(fault.Conflict, "The controller names a key that this host does not have. Change the key again.")
	}
	if err := k.promoteLocked(); err != nil {
		return err
	}
	k.log.Info("The host's key was changed.")
	return nil
}

// publicOf is the public half, or nil without a key.
func publicOf(key ed25519.PrivateKey) []byte {
	if len(key) != ed25519.PrivateKeySize {
		return nil
	}
	return key[ed25519.PrivateKeySize-ed25519.PublicKeySize:]
}

func (k *keyring) serveOffer(w http.ResponseWriter, r *http.Request) {
	var asked keyRequest
	if !readJSON(w, r, &asked) {
		return
	}
	offer, err := k.offer(asked.Nonce)
	if err != nil {
		writeFault(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(offer)
}

func (k *keyring) serveUse(w http.ResponseWriter, r *http.Request) {
	var asked keyUse
	if !readJSON(w, r, &asked) {
		return
	}
	if err := k.use(asked.PublicKey); err != nil {
		writeFault(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// readJSON reads a small body, or answers why it cannot.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxHandshakeMessage)).Decode(into); err != nil {
		writeFault(w, fault.Wrap(err, fault.Invalid, "The request is not the JSON it should be."))
		return false
	}
	return true
}
