package rights_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/testkit"
)

// belongings are what a tenant has, as people decided it. What the controller and hosts note by themselves is left out.
var belongings = []string{
	"SELECT id, name, images_json, ends_at FROM tenants WHERE id = ?",
	"SELECT id, owner_id, name, revision, want, generation, deploy, deployed, image_map_json, forget, egress_rate FROM labs WHERE tenant_id = ?",
	"SELECT * FROM memberships WHERE tenant_id = ?",
	"SELECT * FROM invitations WHERE tenant_id = ?",
	"SELECT * FROM tenant_quotas WHERE tenant_id = ?",
	"SELECT * FROM person_quotas WHERE tenant_id = ?",
	"SELECT * FROM shares WHERE tenant_id = ?",
	"SELECT * FROM vnis WHERE tenant_id = ?",
	"SELECT id, user_id, name, scope, expires_at FROM api_tokens WHERE tenant_id = ?",
	"SELECT * FROM lab_revisions WHERE lab_id IN (SELECT id FROM labs WHERE tenant_id = ?)",
	"SELECT * FROM lab_nodes WHERE lab_id IN (SELECT id FROM labs WHERE tenant_id = ?)",
	"SELECT * FROM positions WHERE lab_id IN (SELECT id FROM labs WHERE tenant_id = ?)",
}

// openRows opens the database of a site on SQLite to look at.
func openRows(t testing.TB, s *site) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(s.data, "controller", "trunkline.db")+"?mode=ro")
	must(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// belongingsOf is all that a tenant has, as text. On PostgreSQL nobody looks.
func (m *matrix) belongingsOf(t *tenant) string {
	if m.db == nil {
		return ""
	}
	var all []string
	for _, query := range belongings {
		all = append(all, texts(m.t, m.db, query, t.id)...)
	}
	return strings.Join(all, "\n")
}

// untouched makes a call and says what it did to the tenant that is not the caller's.
func (m *matrix) untouched(caller *actor, call func() response) (r response, wrong string) {
	theirs := m.b
	if caller.home == m.b {
		theirs = m.a
	}
	m.awaitForgotten(theirs)
	before := m.belongingsOf(theirs)
	r = call()
	if after := m.belongingsOf(theirs); after != before {
		return r, "another tenant was changed:\n\t" + difference(before, after)
	}
	return r, ""
}

// awaitForgotten waits until the labs that a tenant deleted are gone: the controller takes them away after its answer.
func (m *matrix) awaitForgotten(t *tenant) {
	m.t.Helper()
	if m.db == nil {
		return
	}
	must(m.t, testkit.Until(m.t.Context(), time.Minute, "labs that were deleted are gone", func() error {
		if left := texts(m.t, m.db, "SELECT name FROM labs WHERE tenant_id = ? AND forget", t.id); len(left) > 0 {
			return fmt.Errorf("there are %v", left)
		}
		return nil
	}))
}

// texts are the rows of an answer, each as a line.
func texts(t testing.TB, db *sql.DB, query string, arguments ...any) (list []string) {
	t.Helper()
	found, err := db.Query(query, arguments...)
	must(t, err)
	defer found.Close()
	columns, err := found.Columns()
	must(t, err)
	for found.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		must(t, found.Scan(places...))
		var line []string
		for _, v := range values {
			if b, isBytes := v.([]byte); isBytes {
				v = string(b)
			}
			line = append(line, fmt.Sprint(v))
		}
		list = append(list, strings.Join(line, "\t"))
	}
	must(t, found.Err())
	slices.Sort(list)
	return list
}
