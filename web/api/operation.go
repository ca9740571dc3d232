package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/tenancy"
	"trunkline/web"
)

// onlySignedIn is the verb of an operation that asks for nothing but being somebody.
const onlySignedIn tenancy.Verb = ""

// Kind says how an operation answers: a Stream sends one JSON object a line until rights end, a Socket is a websocket.
type Kind = web.Kind

// The kinds of operations.
const (
	Plain  = web.Plain
	Stream = web.Stream
	Socket = web.Socket
)

// Names of what the description tells beyond OpenAPI.
const (
	verbExtension = "x-trunkline-verb" // "" asks only for being signed in
	kindExtension = "x-trunkline-kind"
	whenExtension = "x-trunkline-verb-when"
)

// Operation is one operation as tests and documentation see it.
type Operation struct {
	ID, Method, Path string // the path is below Prefix, with its parts in braces
	Kind             Kind
	Verb             tenancy.Verb            // "" asks only for being signed in
	When             map[string]tenancy.Verb // the verb instead, when the address has this query, such as scope=site; replace: whatever its value
}

// Operations lists every operation, ordered by path and method.
func Operations() []Operation { return New(Config{}).operations() }

func (a *API) operations() []Operation {
	var list []Operation
	for path, item := range a.huma.OpenAPI().Paths {
		for _, o := range []*huma.Operation{item.Get, item.Head, item.Post, item.Put, item.Patch, item.Delete, item.Options, item.Trace} {
			if o == nil {
				continue
			}
			one := Operation{ID: o.OperationID, Method: o.Method, Path: path}
			one.Kind, _ = o.Extensions[kindExtension].(Kind)
			one.Verb, _ = o.Extensions[verbExtension].(tenancy.Verb)
			one.When, _ = o.Extensions[whenExtension].(map[string]tenancy.Verb)
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b Operation) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	return list
}

// operation describes one operation; every one can fail with the same body. verb is what the services check with tenancy.Allow for it.
func operation(method, path, id, summary string, verb tenancy.Verb, tags ...string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: tags,
		Errors:     []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity},
		Extensions: map[string]any{verbExtension: verb, kindExtension: Plain},
	}
}

// of says that an operation is no plain one.
func of(kind Kind, o huma.Operation) huma.Operation {
	o.Extensions[kindExtension] = kind
	return o
}

// when says that a query such as scope=site, or replace with any value, asks for another verb.
func when(query string, verb tenancy.Verb, o huma.Operation) huma.Operation {
	other, _ := o.Extensions[whenExtension].(map[string]tenancy.Verb)
	if other == nil {
		other = map[string]tenancy.Verb{}
		o.Extensions[whenExtension] = other
	}
	other[query] = verb
	return o
}
