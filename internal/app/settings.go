// Package app puts the parts of a controller together and runs them, for the program and for tests.
//
// It knows constructors, the order of starting and stopping, and the ready file. It refuses to know flags, signals and how
// anything is done.
package app

import (
	"cmp"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// Settings is what an administrator decides about a controller.
type Settings struct {
	Listen    string        // address and port; port 0 takes a free one
	PublicURL string        // what people type; "" is made from Listen
	Data      string        // folder of the database, project files and the host's identity
	Database  string        // "" is SQLite in Data; postgres://… is PostgreSQL
	ReadyFile string        // written once it can serve; "" writes none but the one in Data
	Providers string        // file of the providers that people sign in by; "" reads none
	Proxies   []string      // networks of the proxies whose word on where requests come from is believed, such as 10.0.0.0/8
	LostAfter time.Duration // a host away for longer is lost and its nodes may be placed anew; 0: two minutes
	Version   string
	Log       *slog.Logger

	Seams Seams // for tests

	SessionIdle time.Duration // a browser that asks for nothing for so long is signed out; 0: tenancy.SessionIdle
	SessionLife time.Duration // nobody stays signed in for longer; 0: tenancy.SessionAbsolute
}

// leastLost is the shortest time after which a host may count as lost.
const leastLost = 5 * time.Second

// Check says what is wrong with the settings, by the flag's name.
func (s Settings) Check() error {
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil || port == "" {
		return fault.New(fault.Invalid, "--listen %q is not an address with a port, such as 127.0.0.1:8080 or :8080.", s.Listen).InField("listen")
	}
	if host != "" && net.ParseIP(host) == nil && host != "localhost" {
		return fault.New(fault.Invalid, "--listen %q needs an IP address before the port, or nothing for all addresses.", s.Listen).InField("listen")
	}
	if s.PublicURL != "" {
		u, err := url.Parse(s.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fault.New(fault.Invalid, "--public-url %q is not of the form https://lab.example.org.", s.PublicURL).InField("public-url")
		}
	}
	if s.LostAfter != 0 && s.LostAfter < leastLost {
		return fault.New(fault.Invalid, "--lost-after %s is too short: a host that restarts its agent is away for seconds. Give %s or more.", s.LostAfter, leastLost).InField("lost-after")
	}
	if _, err := s.proxies(); err != nil {
		return err
	}
	if s.SessionIdle != 0 && s.SessionIdle < tenancy.LeastSessionIdle {
		return fault.New(fault.Invalid, "--session-idle %s is too short to work with. Give %s or more.", s.SessionIdle, tenancy.LeastSessionIdle).InField("session-idle")
	}
	if life, idle := cmp.Or(s.SessionLife, tenancy.SessionAbsolute), cmp.Or(s.SessionIdle, tenancy.SessionIdle); life < idle {
		return fault.New(fault.Invalid, "--session-life %s is shorter than --session-idle %s. Give at least as much.", life, idle).InField("session-life")
	}
	if !filepath.IsAbs(s.Data) {
		return fault.New(fault.Invalid, "--data %q must be an absolute path.", s.Data).InField("data")
	}
	return nil
}

// proxies are the networks of the trusted proxies. An address alone is a network of one.
func (s Settings) proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range s.Proxies {
		network, err := netip.ParsePrefix(text)
		if at, addressErr := netip.ParseAddr(text); addressErr == nil {
			network, err = netip.PrefixFrom(at.Unmap(), at.Unmap().BitLen()), nil
		}
		if err != nil || network.Addr().Is4In6() {
			return nil, fault.New(fault.Invalid, "--trusted-proxy %q is neither an address nor a network such as 10.0.0.0/8.", text).InField("trusted-proxy")
		}
		list = append(list, network.Masked())
	}
	return list, nil
}

// localURL is where this machine reaches the listener.
func localURL(address net.Addr) string {
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return "http://" + address.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
