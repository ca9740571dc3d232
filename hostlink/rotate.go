package hostlink

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"

	"trunkline/internal/fault"
)

// Rotate gives a linked host a new key. Until the host has proved the new one and saved it as its own, the old one works
// too; a Rotate that failed half-way changed nothing that matters, and the next one carries on where it stopped. The
// link stays. Codes: unavailable (the host is not linked, or its link ended), unsupported (the Authority is no KeyKeeper,
// or the agent is too old), conflict (another Rotate of the host is at work).
func (s *Server) Rotate(ctx context.Context, hostID string) error {
	keeper, ok := s.authority.(KeyKeeper)
	if !ok {
		return fault.New(fault.Unsupported, "This controller cannot hold two keys of a host, which changing a key takes.")
	}
	link, ok := s.Link(hostID)
	if !ok {
		return fault.New(fault.Unavailable, "This host is not linked now. Change its key when it is back.")
	}
	if !link.rotating.TryLock() {
		return fault.New(fault.Conflict, "The key of this host is being changed already. Wait for it to finish.")
	}
	defer link.rotating.Unlock()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.HandshakeTimeout)
	defer cancel()
	select { // recheck would miss the key that let the link in, or forget the new one
	case <-link.checked:
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Unavailable, "This host is just being linked. Change its key in a moment.")
	}
	key, err := link.newKey(ctx)
	if err != nil {
		return err
	}
	if err := keeper.AddKey(ctx, hostID, key); err != nil {
		return err
	}
	if err := link.ask(ctx, pathKeyUse, keyUse{PublicKey: key}, http.StatusNoContent, nil); err != nil {
		return fault.Wrap(err, fault.CodeOf(err), "The host did not confirm its new key; both keys work. %s", fault.Sentence(err))
	}
	if err := keeper.KeepOnly(ctx, hostID, key); err != nil {
		return err
	}
	link.log.Info("A host's key was changed.")
	return nil
}

// newKey asks the host for a new key and checks that it holds it.
func (l *Link) newKey(ctx context.Context) (ed25519.PublicKey, error) {
	nonce := make([]byte, 32)
	_, _ = rand.Read(nonce) // never fails, see crypto/rand
	var offer keyOffer
	err := l.ask(ctx, pathKey, keyRequest{Nonce: nonce}, http.StatusOK, &offer)
	if err != nil {
		return nil, err
	}
	if len(offer.PublicKey) != ed25519.PublicKeySize ||
		!ed25519.Verify(offer.PublicKey, rotationBytes(l.HostID, nonce, offer.PublicKey), offer.Signature) {
		return nil, fault.New(fault.Invalid, "The host did not prove the new key it offered. Its old key goes on working.")
	}
	return offer.PublicKey, nil
}

// ask sends one of the package's own requests to the agent.
func (l *Link) ask(ctx context.Context, path string, body any, want int, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "A request to the host could not be written.")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://host"+path, bytes.NewReader(data))
	if err != nil {
		return fault.Wrap(err, fault.Internal, "A request to the host could not be made.")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := l.Client.Do(req)
	if err != nil {
		return plain(err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusNotFound: // an agent from before this request passes it on to its handler
		return fault.New(fault.Unsupported, "The agent on this host is too old for this. Update Trunkline on the host.")
	case resp.StatusCode != want:
		return faultOf(resp)
	case into == nil:
		return nil
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, maxHandshakeMessage)).Decode(into); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The host's answer could not be read.")
	}
	return nil
}

// keysOf are the keys a host may prove, the one in use first.
func (s *Server) keysOf(ctx context.Context, hostID string) ([]ed25519.PublicKey, error) {
	if keeper, ok := s.authority.(KeyKeeper); ok {
		return keeper.HostKeys(ctx, hostID)
	}
	key, err := s.authority.HostKey(ctx, hostID)
	if err != nil {
		return nil, err
	}
	return []ed25519.PublicKey{key}, nil
}

// recheck asks anew whether the key that let a link in still may: it may have been revoked or replaced between the
// challenge and the registration of the link, when there was no link yet to cut. A host that proved a new key while the
// old one works too has finished its change of keys.
func (s *Server) recheck(link *Link, proved ed25519.PublicKey) *fault.Error {
	ctx, cancel := context.WithTimeout(s.ctx, s.cfg.HandshakeTimeout)
	defer cancel()
	keys, err := s.keysOf(ctx, link.HostID)
	if err != nil {
		return refusalOf(err)
	}
	for i, key := range keys {
		if !key.Equal(proved) {
			continue
		}
		if i > 0 {
			if err := s.authority.(KeyKeeper).KeepOnly(ctx, link.HostID, proved); err != nil {
				link.log.Warn("A host's old key could not be forgotten yet; both work.", "err", err)
			}
		}
		return nil
	}
	return fault.New(ErrWrongKey.Code, "%s", ErrWrongKey.Sentence)
}
