package api_test

import (
	"slices"
	"testing"

	"trunkline/tenancy"
	"trunkline/web/api"
)

// signedIn are the operations that ask only for being signed in, each with the reason.
var signedIn = map[string]string{
	"who-am-i":         "it tells people who they are",
	"list-workspaces":  "it lists what one is in",
	"list-shared-labs": "it lists what others share with one",
	"list-presets":     "it lists words, the same for everybody",
}

func TestEachOperationNamesItsVerbAndKind(t *testing.T) {
	operations := api.Operations()
	if len(operations) < 45 {
		t.Fatalf("only %d operations are listed", len(operations))
	}
	kinds := map[api.Kind]int{}
	for _, o := range operations {
		kinds[o.Kind]++
		switch reason := signedIn[o.ID]; {
		case o.Kind == "":
			t.Errorf("%s was not described by operation(): nobody knows its verb", o.ID)
		case o.Verb == "" && reason == "":
			t.Errorf("%s asks for no verb: give it one, or say here why it needs none", o.ID)
		case o.Verb != "" && reason != "":
			t.Errorf("%s asks for a verb and has a reason not to", o.ID)
		case o.Verb != "" && !slices.Contains(tenancy.Verbs, o.Verb):
			t.Errorf("%s asks for %q, which is no verb", o.ID, o.Verb)
		}
		for query, verb := range o.When {
			if !slices.Contains(tenancy.Verbs, verb) {
				t.Errorf("%s asks for %q with %s, which is no verb", o.ID, verb, query)
			}
		}
	}
	if kinds[api.Stream] == 0 || kinds[api.Socket] == 0 {
		t.Errorf("streams and sockets are missing: %v", kinds)
	}
	t.Logf("%d operations: %v", len(operations), kinds)
}
