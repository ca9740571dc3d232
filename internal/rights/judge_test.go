package rights_test

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/tenancy"
	"trunkline/web"
)

// verdict is what an answer says about rights.
type verdict string

const (
	allowed         verdict = "allowed"
	forbidden       verdict = "forbidden"
	unauthenticated verdict = "unauthenticated"
	notFound        verdict = "not found"
)

// byCode is the verdict of a fault.
func byCode(code fault.Code) verdict {
	switch code {
	case "":
		return allowed
	case fault.Forbidden:
		return forbidden
	case fault.Unauthenticated:
		return unauthenticated
	case fault.NotFound:
		return notFound
	}
	return verdict("the fault " + string(code))
}

// read finds the verdict in an answer. Anything that is neither a success nor a refusal is a verdict of its own, which nothing expects.
func read(a address, in input, r response) verdict {
	switch {
	case slices.Contains(in.ok, r.status):
		return allowed
	case r.status == 401, r.status == 303 && !a.public && strings.HasPrefix(r.header.Get("Location"), "/sign-in"):
		return unauthenticated
	case r.status == 403:
		return forbidden
	case r.status == 404:
		return notFound
	case r.status >= 400:
		return verdict(fmt.Sprintf("status %d: %.300s", r.status, strings.Join(strings.Fields(text(r.body)), " ")))
	case a.kind == web.Plain && endless(r.header):
		return "a stream, which the table does not say"
	case a.kind == web.Stream && !endless(r.header):
		return "no stream, as the table says"
	}
	return allowed
}

var tags = regexp.MustCompile(`(?s)<(head|nav|header|footer|svg|script)\b.*?</(head|nav|header|footer|svg|script)>|<[^>]*>`)

// text is a page without its marks.
func text(body string) string { return tags.ReplaceAllString(body, " ") }

// expected is what the declared verb and the rule table say of a call on the caller's own tenant's object, and of nothing else.
func expected(a address, caller *actor, object tenancy.ObjectRef) verdict {
	switch {
	case a.public:
		return allowed
	case caller.at(a).IsNobody():
		return unauthenticated
	case a.verb == "":
		return allowed
	}
	return byCode(fault.CodeOf(tenancy.Allow(caller.at(a), a.verb, object)))
}

var random = regexp.MustCompile(`nonce(="|-)[A-Z2-7]+`)

// bare is an answer without what differs between any two, and without the references that were asked for.
func bare(r response, asked refs) string {
	var b strings.Builder
	fmt.Fprintln(&b, r.status)
	var names []string
	for name := range r.header {
		if !slices.Contains([]string{"Date", "X-Request-Id", "Set-Cookie", "Sec-Websocket-Accept"}, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(r.header[name], ", "))
	}
	b.WriteString(r.body)
	whole := random.ReplaceAllString(b.String(), "")
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		value := asked[name]
		if slices.Contains(kept, name) {
			continue
		}
		for _, form := range []string{value, url.PathEscape(value), url.QueryEscape(value)} {
			whole = strings.ReplaceAll(whole, form, "«"+name+"»")
		}
	}
	return whole
}
