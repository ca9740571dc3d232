package hostlink

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
)

// guest is a host whose handshake is done.
type guest struct {
	hello
	epoch int64
	key   ed25519.PublicKey // that it proved
}

// admit is the controller's side of the handshake. A refusal was sent when it returns an error.
func (s *Server) admit(ctx context.Context, ws *websocket.Conn, state *tls.ConnectionState) (guest, error) {
	var g guest
	if err := receiveMessage(ctx, ws, &g.hello); err != nil {
		return g, s.refuse(ctx, ws, err)
	}
	asked, keys, exporter, err := s.prepare(ctx, g.hello, state)
	if err != nil {
		return g, s.refuse(ctx, ws, err)
	}
	g.epoch = asked.Epoch
	if err := sendMessage(ctx, ws, asked); err != nil {
		return g, err
	}
	var given proof
	if err := receiveMessage(ctx, ws, &given); err != nil {
		return g, s.refuse(ctx, ws, err)
	}
	if g.key, err = check(g.hello, asked, given, keys, exporter); err != nil {
		return g, s.refuse(ctx, ws, err)
	}
	if err := s.claim(g); err != nil {
		return g, s.refuse(ctx, ws, err)
	}
	return g, sendMessage(ctx, ws, welcome{})
}

// prepare makes the challenge for a host and fetches its keys.
func (s *Server) prepare(ctx context.Context, h hello, state *tls.ConnectionState) (challenge, []ed25519.PublicKey, []byte, error) {
	version, err := negotiate(ourVersions, h.Protocol)
	if err != nil {
		return challenge{}, nil, nil, err
	}
	if h.Host == "" || len(h.Host) > 128 || (h.Channel != Control && h.Channel != Bulk) {
		return challenge{}, nil, nil, fault.New(fault.Invalid, "The hello names no host or no known channel.")
	}
	keys, err := s.keysOf(ctx, h.Host)
	if err != nil {
		return challenge{}, nil, nil, refusalOf(err)
	}
	epoch, err := s.offer(h)
	if err != nil {
		return challenge{}, nil, nil, err
	}
	var exporter []byte
	if state != nil {
		if exporter, err = exporterOf(state); err != nil {
			return challenge{}, nil, nil, err
		}
	}
	asked := challenge{Protocol: version, Nonce: make([]byte, 32), Epoch: epoch, Bind: state != nil}
	_, _ = rand.Read(asked.Nonce) // never fails, see crypto/rand
	return asked, keys, exporter, nil
}

// check judges a proof against the challenge it must answer, and returns the key that was proved.
func check(h hello, asked challenge, given proof, keys []ed25519.PublicKey, exporter []byte) (ed25519.PublicKey, error) {
	if !bytes.Equal(given.Nonce, asked.Nonce) {
		return nil, ErrReplayed
	}
	if asked.Bind && !bytes.Equal(given.Binding, digest(exporter)) {
		return nil, ErrBinding
	}
	message := signedBytes(h.Host, h.Channel, asked.Epoch, asked.Protocol, asked.Nonce, exporter)
	for _, key := range keys {
		if len(key) == ed25519.PublicKeySize && ed25519.Verify(key, message, given.Signature) {
			return key, nil
		}
	}
	return nil, ErrWrongKey
}

// refuse tells the host why and returns the reason. The host answers the close frame; nothing depends on it.
func (s *Server) refuse(ctx context.Context, ws *websocket.Conn, why error) error {
	public := fault.Public(why)
	_ = sendMessage(ctx, ws, welcome{Refused: public})
	return why
}

// offer is the epoch a session of this host would have: for control one more than any that either side has seen, so
// that it rises across restarts of both.
func (s *Server) offer(h hello) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.Channel == Bulk {
		if link := s.links[h.Host]; link == nil || link.Epoch != h.Epoch {
			return 0, ErrNoControl
		}
		return h.Epoch, nil
	}
	const highest = 1 << 53 // exact in JSON everywhere
	if h.Epoch < 0 || h.Epoch >= highest {
		return 0, fault.New(fault.Invalid, "The hello holds an impossible epoch.")
	}
	return max(h.Epoch, s.epochs[h.Host]) + 1, nil
}

// claim makes a proven session the host's newest, or refuses it.
func (s *Server) claim(g guest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if g.Channel == Bulk {
		if link := s.links[g.Host]; link == nil || link.Epoch != g.epoch {
			return ErrNoControl
		}
		return nil
	}
	if g.epoch <= s.epochs[g.Host] {
		return ErrSuperseded
	}
	s.epochs[g.Host] = g.epoch
	return nil
}
