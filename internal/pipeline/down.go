package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// Undoable is a database that can take back what a migration with TxAll did.
type Undoable interface {
	devdb.DB
	Undo(context.Context) error
}

// RecordDowns runs the way back of every new migration of r that has one, and
// notes what it did and what of the catalog did not come back. up is a database
// that r.Base has been replayed on and nothing else. Each way back runs right
// after its own migration and is taken back, so that one which fails or leaves
// something behind does not spoil the next: in a transaction that is rolled
// back where that is the same, else on a clone of up. One that is known already is
// not run again.
func RecordDowns(ctx context.Context, up Undoable, clone func(context.Context) (devdb.DB, error), r *devdb.Record) error {
	last := -1
	for i, m := range r.New {
		if m.Migration.Down != nil && m.Err == nil && m.Down == nil {
			last = i
		}
	}
	for i := range last + 1 {
		if err := recordDown(ctx, up, clone, r.New[i]); err != nil {
			return err
		}
	}
	return nil
}

// RecordLastDown runs the way back of the last new migration of r where it was
// recorded: db, which nobody needs afterwards, is in the state after it. Most
// changes are of one migration, and need no second database then.
func RecordLastDown(ctx context.Context, db devdb.DB, r *devdb.Record) error {
	if len(r.New) == 0 {
		return nil
	}
	m := r.New[len(r.New)-1]
	if m.Migration.Down == nil || m.Err != nil || m.Down != nil || len(m.Steps) == 0 {
		return nil //nolint:nilerr // a migration that fails has no way back to run
	}
	m.Down = &devdb.DownRun{Migration: m.Migration.Down}
	return runDown(ctx, db, m.Migration.Down, m.Steps[0].Before, m.Down)
}

func recordDown(ctx context.Context, up Undoable, clone func(context.Context) (devdb.DB, error), m *devdb.Recorded) error {
	before, err := up.Catalog(ctx)
	if err != nil {
		return fmt.Errorf("reading the catalog before %s: %w", m.Path, err)
	}
	there := *m.Migration
	if there.TxMode == migration.TxAll {
		there.TxMode = migration.TxFile // the next one must not share the transaction
	}
	var refused *devdb.StatementError
	if _, err := up.Record(ctx, &there); errors.As(err, &refused) {
		return nil
	} else if err != nil {
		return fmt.Errorf("running %s again for its down migration: %w", m.Path, err)
	}
	if m.Migration.Down == nil || m.Err != nil || m.Down != nil {
		return nil //nolint:nilerr // a migration that fails has no way back to run
	}
	m.Down = &devdb.DownRun{Migration: m.Migration.Down}
	if one, ok := inOneTransaction(m.Migration.Down); ok {
		err = runDown(ctx, up, one, before, m.Down)
		return errors.Join(err, up.Undo(ctx))
	}
	db, err := clone(ctx)
	if err != nil {
		return fmt.Errorf("copying the database for the down migration of %s: %w", m.Path, err)
	}
	return errors.Join(runDown(ctx, db, m.Migration.Down, before, m.Down), db.Close())
}

func runDown(ctx context.Context, db devdb.DB, way *migration.Migration, before *schema.Catalog, down *devdb.DownRun) error {
	var err error
	if down.Steps, err = db.Record(ctx, way); !errors.As(err, &down.Err) && err != nil {
		return fmt.Errorf("recording the down migration %s: %w", way.Path, err)
	}
	after, err := db.Catalog(ctx)
	if err != nil {
		return fmt.Errorf("reading the catalog after the down migration %s: %w", way.Path, err)
	}
	down.Left = schema.Residue(before, after)
	return nil
}

// inOneTransaction gives the migration as one that leaves its transaction open
// at the end, if it is run in one transaction anyway.
func inOneTransaction(m *migration.Migration) (*migration.Migration, bool) {
	// One statement sent as a query of its own is in no transaction block.
	if m.TxMode == migration.TxNone || m.TxMode == migration.TxImplicit && len(m.Statements) == 1 {
		return nil, false
	}
	one := *m
	one.TxMode, one.Statements = migration.TxAll, nil
	for i, s := range m.Statements {
		switch s.Syntax.Transaction {
		case "":
			one.Statements = append(one.Statements, s)
		case "BEGIN", "COMMIT": // around the whole file they change nothing
			if i != 0 && i != len(m.Statements)-1 {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return &one, true
}
