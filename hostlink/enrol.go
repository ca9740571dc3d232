package hostlink

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"strings"

	"trunkline/internal/fault"
)

// Enrolment is a host asking to belong: the body of POST /hostlink.
type Enrolment struct {
	Protocol  Versions          `json:"protocol"`
	Token     string            `json:"token"` // one-time join token
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels,omitempty"`
	PublicKey []byte            `json:"public_key"` // Ed25519, 32 bytes
	Signature []byte            `json:"signature"`  // over the token and the key, so nobody enrols a key they do not hold
}

type enrolled struct {
	HostID string `json:"host_id"`
}

func enrolmentBytes(token string, key []byte) []byte {
	return append([]byte("trunkline hostlink enrol v1\x00"+token+"\x00"), key...)
}

func (s *Server) enrol(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.HandshakeTimeout)
	defer cancel()
	id, err := s.enrolHost(ctx, w, r)
	if err != nil {
		s.log.Warn("An enrolment was refused.", "remote", r.RemoteAddr, "reason", fault.Sentence(err), "err", err)
		writeFault(w, err)
		return
	}
	s.log.Info("A host was enrolled.", "host", id, "remote", r.RemoteAddr)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(enrolled{HostID: id})
}

func (s *Server) enrolHost(ctx context.Context, w http.ResponseWriter, r *http.Request) (string, error) {
	var e Enrolment
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxEnrolBody)).Decode(&e); err != nil {
		return "", fault.Wrap(err, fault.Invalid, "The enrolment is not the JSON it should be.")
	}
	if _, err := negotiate(ourVersions, e.Protocol); err != nil {
		return "", err
	}
	if len(e.PublicKey) != ed25519.PublicKeySize || !ed25519.Verify(e.PublicKey, enrolmentBytes(e.Token, e.PublicKey), e.Signature) {
		return "", fault.New(fault.Invalid, "The enrolment is not signed with the key it brings.")
	}
	if strings.TrimSpace(e.Name) == "" || len(e.Name) > 253 {
		return "", fault.New(fault.Invalid, "A host needs a name of at most 253 characters.").InField("name")
	}
	id, err := s.authority.Enrol(ctx, e)
	if err != nil {
		return "", refusalOf(err)
	}
	return id, nil
}

// Enrol exchanges a one-time join token for an identity whose key is made here and never leaves this machine. The
// identity is not saved. Name "" takes the machine's host name.
func Enrol(ctx context.Context, controllerURL, token, name string, labels map[string]string) (Identity, error) {
	return Dialer{}.Enrol(ctx, controllerURL, token, name, labels)
}

// Enrol is the function of this name, with the dialer's TLS settings and proxy.
func (d Dialer) Enrol(ctx context.Context, controllerURL, token, name string, labels map[string]string) (Identity, error) {
	address, err := endpoint(controllerURL)
	if err != nil {
		return Identity{}, err
	}
	if name == "" {
		if name, err = os.Hostname(); err != nil {
			return Identity{}, fault.Wrap(err, fault.Invalid, "This machine has no host name. Give the host a name.").InField("name")
		}
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Identity{}, fault.Wrap(err, fault.Internal, "A key could not be made.")
	}
	request := Enrolment{
		Protocol: ourVersions, Token: token, Name: name, Labels: maps.Clone(labels),
		PublicKey: public, Signature: ed25519.Sign(private, enrolmentBytes(token, public)),
	}
	id, err := d.postEnrolment(ctx, address, request)
	if err != nil {
		return Identity{}, err
	}
	return Identity{HostID: id, Name: name, Controller: controllerURL, Token: tokenHash(token), PrivateKey: private}, nil
}

func (d Dialer) postEnrolment(ctx context.Context, address string, request Enrolment) (string, error) {
	data, err := json.Marshal(request)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "The enrolment could not be written.")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(data))
	if err != nil {
		return "", badAddress(err, address)
	}
	req.Header.Set("Content-Type", "application/json")
	base := d.transport()
	defer base.CloseIdleConnections()
	resp, err := clientOf(base).Do(req)
	if err != nil {
		return "", d.unreachable(err, address)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusCreated {
		return "", faultOf(resp)
	}
	var answer enrolled
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, maxEnrolBody)).Decode(&answer); err != nil || answer.HostID == "" {
		return "", fault.Wrap(err, fault.Internal, "The controller accepted the host but did not say its id. Enrol again with a new token.")
	}
	return answer.HostID, nil
}
