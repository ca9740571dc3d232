package login

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// FileProvider is a provider with its rules, as a file sets it up.
type FileProvider struct {
	Provider
	Rules []tenancy.Rule
}

// fileMost bounds a file of providers, in bytes.
const fileMost = 1 << 20

// ReadFile reads a file of providers: docs/sso.md has an example. A field that is not known is refused by name and line. A secret may be in a file of its own
// (client-secret-file), beside this one or anywhere.
func ReadFile(path string) ([]FileProvider, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "The file of providers %s cannot be read.", path)
	}
	if info.Size() > fileMost {
		return nil, fault.New(fault.Invalid, "The file of providers %s has more than 1 MiB.", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "The file of providers %s cannot be read.", path)
	}
	return parseFile(path, text, func(secret string) (string, error) {
		if !filepath.IsAbs(secret) {
			secret = filepath.Join(filepath.Dir(path), secret)
		}
		text, err := os.ReadFile(secret)
		return strings.TrimSpace(string(text)), err
	})
}

// reader reads one file, and collects every complaint with its place.
type reader struct {
	file   string
	secret func(path string) (string, error)
	wrong  []fault.Place
}

func parseFile(file string, text []byte, secret func(string) (string, error)) ([]FileProvider, error) {
	r := &reader{file: file, secret: secret}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "The file of providers %s is no YAML: %s.", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var all []FileProvider
	ids := map[string]bool{}
	if len(document.Content) > 0 {
		r.mapping(document.Content[0], map[string]func(*yaml.Node){"providers": func(n *yaml.Node) {
			for _, item := range r.list(n) {
				p := r.provider(item)
				if ids[p.ID] {
					r.complain(item, "id", "There is a provider %s already, above.", p.ID)
				}
				ids[p.ID] = true
				all = append(all, p)
			}
		}})
	}
	if len(r.wrong) > 0 {
		slices.SortStableFunc(r.wrong, func(a, b fault.Place) int { return a.Line - b.Line })
		first := r.wrong[0]
		err := fault.New(fault.Invalid, "The file of providers cannot be used. %s", first).InField(first.Field)
		err.Details = r.wrong
		return nil, err
	}
	return all, nil
}

func (r *reader) complain(n *yaml.Node, field, format string, args ...any) {
	r.wrong = append(r.wrong, fault.Place{File: r.file, Line: n.Line, Column: n.Column, Field: field, Sentence: fmt.Sprintf(format, args...)})
}

// mapping calls the function of each key; a key without one, or there twice, is refused.
func (r *reader) mapping(n *yaml.Node, known map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.complain(n, "", "Here should be keys with values, such as \"id: campus\".")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, there := known[key.Value]
		switch {
		case !there:
			r.complain(key, key.Value, "There is no field %q here. Those there are: %s.", clip(key.Value), names(known))
		case seen[key.Value]:
			r.complain(key, key.Value, "The field %s is here twice.", key.Value)
		default:
			read(value)
		}
		seen[key.Value] = true
	}
}

func names(known map[string]func(*yaml.Node)) string {
	var list []string
	for name := range known {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (r *reader) list(n *yaml.Node) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		r.complain(n, "", "Here should be a list, each line of it with a dash.")
		return nil
	}
	return n.Content
}

// into reads a scalar of the type of the target.
func into[T any](r *reader, field string, target *T) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Decode(target) != nil {
			r.complain(n, field, "The field %s cannot be read: %q.", field, clip(n.Value))
		}
	}
}

func (r *reader) provider(n *yaml.Node) FileProvider {
	var p FileProvider
	var rules []*yaml.Node
	before := len(r.wrong)
	r.mapping(n, map[string]func(*yaml.Node){
		"id": into(r, "id", &p.ID), "name": into(r, "name", &p.Name), "issuer": into(r, "issuer", &p.Issuer),
		"client-id": into(r, "client-id", &p.ClientID), "client-secret": into(r, "client-secret", &p.ClientSecret),
		"client-secret-file": func(n *yaml.Node) {
			secret, err := r.secret(n.Value)
			if err != nil {
				r.complain(n, "client-secret-file", "The file %s with the secret cannot be read: %v.", clip(n.Value), err)
			}
			p.ClientSecret = secret
		},
		"scopes": func(n *yaml.Node) {
			p.Scopes = []string{}
			for _, item := range r.list(n) {
				p.Scopes = append(p.Scopes, item.Value)
			}
		},
		"allow-private": into(r, "allow-private", &p.AllowPrivate), "disabled": into(r, "disabled", &p.Disabled),
		"patience": func(n *yaml.Node) {
			wait, err := time.ParseDuration(n.Value)
			if err != nil {
				r.complain(n, "patience", "The field patience is a time such as 15m, and not %q.", clip(n.Value))
			}
			p.Patience = wait
		},
		"rules": func(n *yaml.Node) { rules = r.list(n) },
	})
	if err := p.Check(); err != nil && len(r.wrong) == before {
		r.complain(n, fault.Public(err).Field, "%s", fault.Sentence(err))
	}
	for _, item := range rules {
		p.Rules = append(p.Rules, r.rule(item, p.ID))
	}
	return p
}

func (r *reader) rule(n *yaml.Node, provider string) tenancy.Rule {
	rule := tenancy.Rule{Provider: provider}
	before := len(r.wrong)
	r.mapping(n, map[string]func(*yaml.Node){
		"claim": into(r, "claim", &rule.Claim), "match": into(r, "match", &rule.Match), "domain": into(r, "domain", &rule.Domain),
		"tenant": into(r, "tenant", &rule.Tenant), "role": into(r, "role", &rule.Role), "create": into(r, "create", &rule.Create),
		"missing-is-empty": into(r, "missing-is-empty", &rule.MissingIsEmpty),
	})
	if err := rule.Check(); err != nil && len(r.wrong) == before {
		r.complain(n, fault.Public(err).Field, "%s", fault.Sentence(err))
	}
	return rule
}
