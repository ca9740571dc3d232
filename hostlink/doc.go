// Package hostlink is the tunnel between the controller and its compute hosts.
//
// It knows bytes and host identities: who a host is (an Ed25519 key that never leaves it), that a session is the newest
// one (its epoch), and how to carry ordinary HTTP requests from the controller to the host over a connection the host
// dialled. It refuses to know what the requests mean: labs, terminals, the database and the web framework are not
// imported here.
//
// The host dials ws(s)://controller/hostlink, proves its key, and serves net/http on a yamux session; the controller
// holds an http.Client per host whose transport opens one yamux stream per request. Only the controller opens streams.
// yamux has no priorities, so a host has up to two websockets: control (requests, events, terminals; small windows) and
// bulk (files, captures; large windows), the second opened on demand and closed when idle.
//
// Half-closing: a yamux stream that is closed at one end is cut after StreamCloseTimeout, which would end a command
// whose standard input is finished. So the controller's CloseWrite on an upgraded stream is a message beside the stream
// (POST /link/eof), the host's handler then reads io.EOF and may write for as long as it likes; a real close by the
// controller reads as ErrHungUp. The other way round, what is left after the host's CloseWrite must be sent within
// StreamCloseTimeout.
package hostlink
