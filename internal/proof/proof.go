// Package proof turns "may fail" into "fails, and here is the row". For what a
// statement demands of the existing rows it makes the smallest rows that
// the schema before the change set accepts, has the change set run over them,
// and says what came of it. It plans; a Lab, which has the server, tries.
package proof

import (
	"context"
	"errors"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// Lab is where rows are tried: copies of the database as it was before the
// first statement of the change set. Each call sees a copy that no other call
// has changed.
type Lab interface {
	Asker
	// Try puts rows into a copy and runs migrations over them.
	Try(ctx context.Context, t Trial) (*Tried, error)
}

// Trial is one set of rows and what is to be run over it.
type Trial struct {
	// Prepare takes out of the way what old rows were not held to, Restore puts
	// it back. Both run as the admin, in one transaction with Rows.
	Prepare, Rows, Restore []string
	Tables                 []string // that Rows go into
	Run                    []*migration.Migration
	// Look is asked before and after the run, if there is one.
	Look *Look
	// Then is run over the rows after a run that passed, empty if nothing is.
	Then string
}

// Look is a pair of queries, empty if there is nothing to ask.
type Look struct{ Before, After string }

// Tried is what came of a trial.
type Tried struct {
	Refused *Refusal              // the old schema does not take the rows; nothing was run
	Failed  *devdb.StatementError // the run's, nil if it passed
	Before  [][]*string           // of Look
	After   [][]*string           // of Look, after a run that passed
	Then    *Refusal              // of Then, nil if that passed
	Unseen  bool                  // the run passed, and the role that ran it may not read the rows
}

// Refusal is the server's error about rows or a query.
type Refusal struct {
	Code, Message, Detail     string
	Table, Column, Constraint string
	Where                     string // the context: functions and lines
}

func (r *Refusal) Error() string { return r.Message + " (SQLSTATE " + r.Code + ")" }

// expected are the codes with which the server says that a demand is not met.
var expected = map[devdb.Demand][]string{
	devdb.DemandUnique:    {"23505"},
	devdb.DemandNotNull:   {"23502", "23514"},
	devdb.DemandCheck:     {"23514"},
	devdb.DemandForeign:   {"23503"},
	devdb.DemandExclusion: {"23P01"},
	devdb.DemandDomain:    {"23514", "23502"},
	devdb.DemandPartition: {"23514", "23502"},
	devdb.DemandLater:     {"23514", "23502"},
	devdb.DemandSize:      {"54000"},
}

// dataCodes are the codes beside those of the classes 22 and 23 with which a
// statement fails for what is in rows: a subquery that gives two, a row that
// would be changed twice, a view's CHECK OPTION, INTO STRICT.
var dataCodes = map[string]bool{"21000": true, "27000": true, "44000": true, "P0002": true, "P0003": true}

// meets reports whether an error says that the demand is not met by the rows.
func meets(d devdb.Demand, code string) bool {
	if d == devdb.DemandCast || d == devdb.DemandGenerated || d == devdb.DemandData {
		return len(code) == 5 && (code[:2] == "22" || code[:2] == "23" || d == devdb.DemandData && dataCodes[code])
	}
	for _, c := range expected[d] {
		if c == code {
			return true
		}
	}
	return false
}

// ErrTries says that the work for a task is used up.
var ErrTries = errors.New("the tries for a statement are used up")

// Work bounds the search for rows that break one demand. It counts what is
// done and not how long it takes, and what other statements there are makes no
// difference, so that a search ends at the same place everywhere.
type Work struct {
	Tries      int // sets of rows
	Queries    int // questions for values
	Statements int // run over the sets of rows
}

// Most is the work for one demand: half a second on a small machine for a
// change of a few statements. Half of the tries are for finding few rows among
// many on which a statement fails.
var Most = Work{Tries: 60, Queries: 600, Statements: 30000}

// Limit counts what a lab is asked, up to a limit.
type Limit struct {
	Lab
	Left Work
}

// Query asks the lab, or gives ErrTries.
func (l *Limit) Query(ctx context.Context, sql string) ([][]*string, error) {
	if l.Left.Queries--; l.Left.Queries < 0 {
		return nil, ErrTries
	}
	return l.Lab.Query(ctx, sql)
}

// Try asks the lab, or gives ErrTries.
func (l *Limit) Try(ctx context.Context, t Trial) (*Tried, error) {
	l.Left.Tries--
	for _, m := range t.Run {
		l.Left.Statements -= len(m.Statements)
	}
	if l.Left.Tries < 0 || l.Left.Statements < 0 {
		return nil, ErrTries
	}
	return l.Lab.Try(ctx, t)
}
