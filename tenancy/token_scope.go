package tenancy

import (
	"slices"

	"trunkline/internal/fault"
)

// TokenScope is how much of what its person may do a token may do. The set is closed, and each includes those before it.
type TokenScope string

const (
	ScopeRead TokenScope = "read" // see what the person sees, and change nothing
	ScopeLabs TokenScope = "labs" // and make, change, run and end labs, work in their nodes
	ScopeAll  TokenScope = "all"  // everything that the person may
)

// TokenScopes lists them, the least first.
var TokenScopes = []TokenScope{ScopeRead, ScopeLabs, ScopeAll}

// Known reports whether it is one of them.
func (s TokenScope) Known() bool { return slices.Contains(TokenScopes, s) }

// includes reports whether the scope is at least the other. An unknown one includes nothing.
func (s TokenScope) includes(other TokenScope) bool {
	return s.Known() && slices.Index(TokenScopes, s) >= slices.Index(TokenScopes, other)
}

// Words says what the scope allows somebody, who is "you" or "it".
func (s TokenScope) Words(who string) string {
	switch s {
	case ScopeRead:
		return "look, change nothing"
	case ScopeLabs:
		return "work with labs"
	case ScopeAll:
		return "everything " + who + " may"
	}
	return string(s)
}

// scopes is the least scope that a verb needs. A verb that is not in it needs ScopeAll.
var scopes = map[Verb]TokenScope{
	SeeLab: ScopeRead, SeeImages: ScopeRead, SeeNetworks: ScopeRead, SeeHosts: ScopeRead, SeeMembers: ScopeRead, SeeQuota: ScopeRead,
	CreateLab: ScopeLabs, EditLab: ScopeLabs, RunLab: ScopeLabs, UseNode: ScopeLabs,
}

// ScopeOf is the least scope of a token that may do the verb.
func ScopeOf(verb Verb) TokenScope {
	if scope, named := scopes[verb]; named {
		return scope
	}
	return ScopeAll
}

// within refuses what the actor's token is not for. Who is signed in has no scope.
func (a Actor) within(verb Verb) error {
	need := ScopeOf(verb)
	switch {
	case a.TokenID == "" || a.TokenScope.includes(need):
		return nil
	case a.TokenScope == ScopeRead:
		return fault.New(fault.Forbidden, "This API token may look and change nothing. This needs one of the scope %q.", need)
	}
	return fault.New(fault.Forbidden, "This API token is of the scope %q. This needs one of the scope %q.", a.TokenScope, need)
}
