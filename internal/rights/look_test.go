package rights_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"trunkline/web"
)

// lively are the tables that change by themselves, each with why: what a GET does to them is no change that anybody asked for.
var lively = map[string]string{
	"sessions":          "when somebody was last seen, and what a page shows once",
	"api_tokens":        "when a token was last used",
	"hosts":             "when a host was last seen",
	"host_use":          "what hosts use, over time",
	"host_labs":         "what hosts report",
	"audit_events":      "that somebody took a file, or was refused at the door, is recorded",
	"audit_head":        "the same",
	"audit_checkpoints": "the same",
}

// observed are the columns that the controller writes by itself, as hosts report.
var observed = map[string][]string{"labs": {"state", "reason", "step", "done", "total", "error_json", "settled", "seen", "updated_at"}}

func TestLookingChangesNothing(t *testing.T) {
	m := newMatrix(t, seams{})
	db := openRows(t, m.site)
	looked := 0
	for _, a := range addresses() {
		in, known := inputOf(a)
		if a.method != "GET" || a.kind == web.Socket || !known {
			continue
		}
		for _, caller := range []*actor{m.a.people["owner"], m.a.people["administrator"], {name: "nobody", home: m.a}} {
			var r refs
			if in.of != "" {
				r = sources[in.of](m.site, m.a, caller, false)
			}
			before := rows(t, db)
			m.call(a, in, caller, r)
			looked++
			after := rows(t, db)
			for table, was := range before {
				if after[table] == was || lively[table] != "" {
					continue
				}
				t.Errorf("%s as %s changes %s:\n%s", a.key, caller.name, table, difference(was, after[table]))
			}
		}
	}
	t.Logf("%d looks left every row of the database as it was", looked)
}

// rows is every table as text.
func rows(t *testing.T, db *sql.DB) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, table := range texts(t, db, "SELECT name FROM sqlite_master WHERE type = 'table'") {
		columns := texts(t, db, "SELECT name FROM pragma_table_info(?)", table)
		columns = slices.DeleteFunc(columns, func(name string) bool { return slices.Contains(observed[table], name) })
		all[table] = strings.Join(texts(t, db, `SELECT "`+strings.Join(columns, `", "`)+`" FROM `+table), "\n")
	}
	return all
}
