package rights_test

import (
	"fmt"
	"net/url"
	"strings"
)

// input is what a valid request of an address needs. Braces stand for references of the object, {new} for a name that nothing has.
type input struct {
	of    string   // kind of the object, by sources; "" has none
	query string   // without the question mark
	form  []string // name, value, …
	json  string
	body  string
	kind  string // Content-Type of body
	ok    []int  // statuses beside success that say as well that it was allowed

	shared bool                 // the object is not changed by it, so that callers share one
	own    bool                 // the caller is not himself afterwards: each call is made by somebody new of his kind
	site   bool                 // the object is the site's, or the caller's: there is none of another tenant
	hides  bool                 // who may not do it does not see the object either
	first  string               // what a websocket's client says first
	hosts  bool                 // it tells of compute hosts, which guests of one lab never see
	reach  bool                 // administrators of the site reach those of all tenants
	bound  bool                 // a token stays in its workspace: one of a person who may is refused as well
	ticket bool                 // a ticket is asked for first
	undo   func(*site, *tenant) // after it was done
}

// call makes the request of an address.
func (i input) call(s *site, a address, r refs) *request {
	fill := func(text string, escape func(string) string) string {
		for name, value := range r {
			text = strings.ReplaceAll(text, "{"+name+"}", escape(value))
		}
		if strings.Contains(text, "{new}") {
			text = strings.ReplaceAll(text, "{new}", s.name("new"))
		}
		return text
	}
	plain := func(v string) string { return v }
	out := &request{method: a.method, path: fill(a.path, url.PathEscape), body: fill(i.body, plain), kind: i.kind}
	query := []string{}
	for _, q := range []string{a.query, fill(i.query, url.QueryEscape)} {
		if q != "" {
			query = append(query, q)
		}
	}
	if len(query) > 0 {
		out.path += "?" + strings.Join(query, "&")
	}
	switch {
	case i.json != "":
		out.body, out.kind = fill(i.json, plain), "application/json"
	case len(i.form) > 0:
		values := url.Values{}
		for n := 0; n+1 < len(i.form); n += 2 {
			values.Add(i.form[n], fill(i.form[n+1], plain))
		}
		out.body, out.kind = values.Encode(), "application/x-www-form-urlencoded"
	}
	if strings.ContainsAny(out.path, "{}") {
		s.t.Fatalf("%s: a reference is missing in %s", a.key, out.path)
	}
	return out
}

func yaml(name string) string { return fmt.Sprintf(labFile, name) }
