package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mattn/go-sqlite3"
	"gorm.io/gorm"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// translate gives what the database answered one of our codes. A fault passes as it is.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return err
	}
	if lite, ok := errors.AsType[sqlite3.Error](err); ok {
		switch lite.Code {
		case sqlite3.ErrFull:
			return fault.Wrap(err, fault.Exhausted, "The disk is full. Free some space in the data folder and try again.")
		case sqlite3.ErrBusy, sqlite3.ErrLocked:
			return fault.Wrap(err, fault.Unavailable, "The database is busy. Try again.")
		case sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrIoErr, sqlite3.ErrPerm:
			return fault.Wrap(err, fault.Unavailable, "The database cannot be written. Check the data folder and its disk.")
		}
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, gorm.ErrRecordNotFound):
		return fault.Wrap(err, fault.NotFound, "There is no such thing here.")
	case errors.Is(err, gorm.ErrDuplicatedKey):
		return fault.Wrap(err, fault.Conflict, "There is one of that name already.")
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		return fault.Wrap(err, fault.Conflict, "Something that this refers to is gone, or is still referred to. Look again and try once more.")
	}
	return fault.Wrap(err, fault.Internal, "The database did not answer as it should. The log has the cause.")
}

// missingLab is the one answer for a lab that is not there or is out of scope.
func missingLab(ref string) error { return tenancy.Missing(fmt.Sprintf("lab %q", ref)) }

// orMissing replaces "no such row" by a sentence of its own.
func orMissing(err, missing error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return missing
	}
	return translate(err)
}

// orTaken replaces "there is one already" by a sentence of its own.
func orTaken(err error, taken *fault.Error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		taken.Cause = err
		return taken
	}
	return err
}
