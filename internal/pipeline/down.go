package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// RecordDowns runs the way back of every new migration of r that has one, and
// notes what it did and what of the catalog did not come back. up is a database
// that r.Base has been replayed on and nothing else; each way back runs on a
// clone of it, right after its own migration, so that one which fails or leaves
// something behind does not spoil the next.
func RecordDowns(ctx context.Context, up devdb.DB, clone func(context.Context) (devdb.DB, error), r *devdb.Record) error {
	last := -1
	for i, m := range r.New {
		if m.Migration.Down != nil && m.Err == nil {
			last = i
		}
	}
	for _, m := range r.New[:last+1] {
		way := m.Migration.Down != nil && m.Err == nil
		var before *schema.Catalog
		var err error
		if way {
			if before, err = up.Catalog(ctx); err != nil {
				return fmt.Errorf("reading the catalog before %s: %w", m.Path, err)
			}
		}
		var refused *devdb.StatementError
		if err := up.Replay(ctx, m.Migration); err != nil && !errors.As(err, &refused) {
			return fmt.Errorf("running %s again for its way back: %w", m.Path, err)
		}
		if !way || refused != nil {
			continue
		}
		if m.Down, err = recordDown(ctx, clone, m, before); err != nil {
			return err
		}
	}
	return nil
}

func recordDown(ctx context.Context, clone func(context.Context) (devdb.DB, error), m *devdb.Recorded, before *schema.Catalog) (_ *devdb.DownRun, err error) {
	db, err := clone(ctx)
	if err != nil {
		return nil, fmt.Errorf("copying the database for the way back of %s: %w", m.Path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	down := &devdb.DownRun{Migration: m.Migration.Down}
	down.Steps, err = db.Record(ctx, down.Migration)
	if !errors.As(err, &down.Err) && err != nil {
		return nil, fmt.Errorf("recording the way back of %s: %w", m.Path, err)
	}
	after, err := db.Catalog(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the catalog after the way back of %s: %w", m.Path, err)
	}
	down.Left = schema.Residue(before, after)
	return down, nil
}
