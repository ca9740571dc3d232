package hostlink

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
)

// The handshake: four JSON text messages on the websocket, before the tunnel starts.
//
//	agent       hello      who I am, which channel, my newest epoch, the versions I speak
//	controller  challenge  a nonce, the epoch of this session, the version chosen, whether to bind to TLS
//	agent       proof      a signature over all of it with the host's key
//	controller  welcome
//
// Instead of its next message the controller may send one with "refused", and closes.

// Versions is an inclusive range of protocol versions.
type Versions struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

var ourVersions = Versions{Min: ProtocolMin, Max: ProtocolMax}

type hello struct {
	Protocol Versions `json:"protocol"`
	Host     string   `json:"host"`
	Channel  Channel  `json:"channel"`
	Epoch    int64    `json:"epoch"`           // control: the newest seen; bulk: the one of the control channel
	Agent    string   `json:"agent,omitempty"` // version of the agent, for people
}

type challenge struct {
	Protocol int          `json:"protocol"`
	Nonce    []byte       `json:"nonce"`
	Epoch    int64        `json:"epoch"`
	Bind     bool         `json:"bind,omitempty"` // sign the TLS exporter too
	Refused  *fault.Error `json:"refused,omitempty"`
}

type proof struct {
	Nonce     []byte `json:"nonce"`
	Binding   []byte `json:"binding,omitempty"` // SHA-256 of the exporter, to tell an inspecting proxy from a wrong key
	Signature []byte `json:"signature"`
}

type welcome struct {
	Refused *fault.Error `json:"refused,omitempty"`
}

// negotiate settles on the highest version both speak.
func negotiate(controller, agent Versions) (int, error) {
	chosen := min(controller.Max, agent.Max)
	if chosen >= controller.Min && chosen >= agent.Min {
		return chosen, nil
	}
	older, where := "agent on this host", "host"
	if controller.Max < agent.Min {
		older, where = "controller", "controller"
	}
	return 0, fault.New(fault.Unsupported,
		"The controller speaks host link versions %d to %d, the agent %d to %d. The %s is too old: update Trunkline on the %s.",
		controller.Min, controller.Max, agent.Min, agent.Max, older, where)
}

// signedBytes is what the host signs: a label, then each field with its length before it.
func signedBytes(host string, channel Channel, epoch int64, protocol int, nonce, exporter []byte) []byte {
	out := []byte("trunkline hostlink proof v1\x00")
	for _, field := range [][]byte{
		[]byte(host),
		[]byte(channel),
		binary.BigEndian.AppendUint64(nil, uint64(epoch)),
		binary.BigEndian.AppendUint32(nil, uint32(protocol)),
		nonce,
		exporter,
	} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(field)))
		out = append(out, field...)
	}
	return out
}

// exporterOf is the value both ends of one TLS connection share and nobody between two connections can have.
// Source: RFC 9266, channel binding type tls-exporter.
func exporterOf(state *tls.ConnectionState) ([]byte, error) {
	value, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unsupported, "This TLS connection cannot be bound to the host's key. Use TLS 1.3 between host and controller.")
	}
	return value, nil
}

func digest(exporter []byte) []byte {
	sum := sha256.Sum256(exporter)
	return sum[:]
}

func sendMessage(ctx context.Context, ws *websocket.Conn, message any) error {
	data, err := json.Marshal(message)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "A handshake message could not be written.")
	}
	if err := ws.Write(ctx, websocket.MessageText, data); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The connection ended during the handshake.")
	}
	return nil
}

func receiveMessage(ctx context.Context, ws *websocket.Conn, message any) error {
	kind, data, err := ws.Read(ctx)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The connection ended during the handshake.")
	}
	if kind != websocket.MessageText {
		return fault.New(fault.Invalid, "The handshake holds a binary message; it must be JSON text.")
	}
	if err := json.Unmarshal(data, message); err != nil {
		return fault.Wrap(err, fault.Invalid, "A handshake message is not the JSON it should be.")
	}
	return nil
}
