package store

import (
	"errors"
	"sync/atomic"

	"gorm.io/gorm"
)

// CountStatements counts what is sent to the database for writing from now on, without BEGIN and COMMIT.
func CountStatements(s *Store) (*atomic.Int64, error) {
	var n atomic.Int64
	count := func(*gorm.DB) { n.Add(1) }
	on := s.write.Callback()
	return &n, errors.Join(
		on.Create().After("gorm:create").Register("count", count), on.Query().After("gorm:query").Register("count", count),
		on.Update().After("gorm:update").Register("count", count), on.Delete().After("gorm:delete").Register("count", count),
		on.Row().After("gorm:row").Register("count", count), on.Raw().After("gorm:raw").Register("count", count),
	)
}
