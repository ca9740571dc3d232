// Package web is the browser's and the API client's side of Trunkline: routes, sessions, pages, streams, and the one error handler.
//
// It knows HTTP, echo, cookies and templates. It refuses to know the database, Docker, netlink and the tunnel: it asks the
// services it declares in services.go.
package web
