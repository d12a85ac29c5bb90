package pipeline

import (
	"context"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/proof"
)

// mostSeeded bounds how many failing statements of one change are looked for.
const mostSeeded = 50

// ProveSeeded runs the new migrations of a record over the team's own data: rerun
// runs migrations on a fresh copy of the base with that data. A statement that
// fails is noted, and the run goes on without it, to find the next.
func ProveSeeded(ctx context.Context, rerun func(context.Context, []*migration.Migration) (*devdb.StatementError, error), r *devdb.Record) error {
	var all []*migration.Migration
	gone := map[*migration.Statement]bool{}
	for _, m := range r.New {
		all = append(all, m.Migration)
		for _, s := range m.Steps {
			if s.Err != nil {
				gone[s.Stmt] = true // fails without any row
			}
		}
	}
	for range mostSeeded {
		failed, err := rerun(ctx, proof.Without(all, gone))
		if err != nil || failed == nil {
			return err
		}
		st := proof.Seeded(r.Before, r.New, failed)
		if st == nil {
			st = failed.Statement // it was not judged, after a failure that needs no rows
		}
		if gone[st] {
			return nil
		}
		gone[st] = true
	}
	return nil
}
