// Package place chooses a compute host for each node of a lab and says why.
//
// It knows what nodes need, what hosts have, and the words for what does not fit. It is pure: no I/O, no clock, and equal
// input gives equal output. It refuses to know how hosts are reached and what is stored.
package place

import (
	"fmt"
	"strings"
)

// some names up to three things, and how many more there are.
func some(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}
