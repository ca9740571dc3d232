// Package ident makes the short random identifiers of labs, hosts, tenants and tokens.
//
// It knows randomness and an alphabet; it refuses to know what is being named.
package ident

import "crypto/rand"

// alphabet is Crockford's base 32 in lower case: no i, l, o, u, so that an identifier can be read aloud.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// New returns 12 characters with 60 random bits, safe in file, container and URL names.
func New() string { return Long(12) }

// Long returns n characters of 5 random bits each.
func Long(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return string(b)
}
