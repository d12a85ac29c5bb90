package devdb

import "github.com/assaydb/assay/internal/schema"

// Exercise is what came of using everything that the new migrations touch, on
// generated rows, before and after them.
type Exercise struct {
	Subjects int // tables, views and functions that were used
	Uses     int // statements that were run on them after the change
	// Worse are the uses that fail or do nothing after the change and did
	// not before, in the order of their statements.
	Worse []*Use
	// Left are the objects that could not be used, and why, one clause each.
	Left []string
}

// Use is one statement that uses an object, and what came of it.
type Use struct {
	Verb   string     // "SELECT", "INSERT", "UPDATE", "DELETE", "REFRESH", "CALL"
	Omits  string     // the column that an INSERT leaves to its default, empty if it gives all
	Object schema.Ref // as it is after the last new migration
	// Role is who used it: empty for the owner of everything, AnyRole for
	// a role that has every privilege and owns nothing, else an application's.
	Role string
	Rows string // INSERT statements of the rows that were there, one a line
	SQL  string // the statement
	// Before is what came of the same before the change.
	Before, After UseResult
	// Migration and Step are the statement since which it is so.
	Migration *Recorded
	Step      *Step
}

// AnyRole is a role that has every privilege and owns nothing: row security holds for it.
const AnyRole = "an ordinary role"

// UseResult is what came of a use at one point of the change.
type UseResult struct {
	There         bool   // the object was there
	Tried         bool   // the use was tried
	Code, Message string // the server's error; empty if it passed
	Where         string // the context of the error: functions and lines
	// Some: other rows or arguments pass.
	Some bool
	// Idle: it passed, and no row is stored, changed or gone.
	Idle bool
}

// Passes reports whether the use was tried, and did what it is for.
func (r UseResult) Passes() bool { return r.Tried && r.Code == "" && !r.Idle }

// Same reports whether two results are the same failure.
func (r UseResult) Same(o UseResult) bool {
	return r.Tried == o.Tried && r.Code == o.Code && r.Idle == o.Idle
}

// OfRows reports whether an error is about the values of rows or arguments, or
// is one that somebody raises: with others it may pass.
func OfRows(code string) bool {
	if len(code) != 5 {
		return false
	}
	switch code[:2] {
	case "22", "23", "P0", "21", "44":
		return true
	}
	return false
}
