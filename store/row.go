package store

import (
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// stamp is a time as it is stored: microseconds since 1970 UTC; the zero time is 0.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(stored int64) time.Time {
	if stored == 0 {
		return time.Time{}
	}
	return time.UnixMicro(stored).UTC()
}

// toJSON writes a column; nil and empty maps are "null".
func toJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "A value cannot be stored.")
	}
	return string(text), nil
}

// fromJSON reads a column; "" and "null" leave the zero value.
func fromJSON[T any](text string) (T, error) {
	var v T
	if text == "" || text == "null" {
		return v, nil
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return v, fault.Wrap(err, fault.Internal, "A stored value cannot be read. Was the database changed by hand?")
	}
	return v, nil
}

// inScope limits a query on a table with tenant_id. A scope that sees nothing finds nothing.
func inScope(db *gorm.DB, scope tenancy.Scope) *gorm.DB {
	tenant, all := scope.Tenant()
	switch {
	case all:
		return db
	case tenant == "":
		return db.Where("1 = 0")
	}
	return db.Where("tenant_id = ?", tenant)
}

// inBatches keeps inserts under the databases' limit on variables.
const inBatches = 200

// insertAll stores rows, of which there may be none.
func insertAll[T any](tx *gorm.DB, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	return tx.CreateInBatches(rows, inBatches).Error
}
