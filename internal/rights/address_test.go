package rights_test

import (
	"regexp"
	"slices"
	"strings"

	"trunkline/tenancy"
	"trunkline/web"
	"trunkline/web/api"
)

// address is one entry of the tables: a page, fragment, form, stream, websocket or operation.
type address struct {
	key    string // what its input is found under: GET /labs/:lab, or PUT /api/v1/image-policy?scope=site
	method string
	path   string // with its parts in braces
	query  string // by which the operation asks for another verb
	verb   tenancy.Verb
	kind   web.Kind
	public bool
	api    bool
}

var part = regexp.MustCompile(`:([a-z]+)`)

// addresses are all that the tables declare.
func addresses() []address {
	var list []address
	for _, r := range web.Routes() {
		list = append(list, address{key: r.Method + " " + r.Path, method: r.Method, path: part.ReplaceAllString(r.Path, "{$1}"), verb: r.Verb, kind: r.Kind, public: r.Public})
	}
	for _, o := range api.Operations() {
		one := address{key: o.Method + " " + api.Prefix + o.Path, method: o.Method, path: api.Prefix + o.Path, verb: o.Verb, kind: o.Kind, api: true}
		list = append(list, one)
		var queries []string
		for query := range o.When {
			queries = append(queries, query)
		}
		slices.Sort(queries)
		for _, query := range queries {
			other := one
			other.key, other.query, other.verb = one.key+"?"+query, query, o.When[query]
			if !strings.Contains(query, "=") {
				other.query = "" // its value is the input's
			}
			list = append(list, other)
		}
	}
	return list
}
