package main

import (
	"context"
	"errors"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
)

// downs runs the down migrations of the new ones, unless the configuration says
// not to; with tries also over rows.
func (s *session) downs(ctx context.Context, rec *devdb.Record, tries bool) error {
	rec.Config.DownRequired = s.project.config.Down == "require"
	if s.project.config.Down == "off" {
		return nil
	}
	if slices.ContainsFunc(rec.New, func(m *devdb.Recorded) bool { return m.Migration.Down != nil && m.Down == nil }) {
		if err := s.runDowns(ctx, rec); err != nil {
			return err
		}
	}
	if tries {
		return s.tryDowns(ctx, rec)
	}
	return nil
}

func (s *session) runDowns(ctx context.Context, rec *devdb.Record) (err error) {
	up, err := s.fresh(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, up.Close()) }()
	return pipeline.RecordDowns(ctx, up, func(ctx context.Context) (devdb.DB, error) { return s.server.Clone(ctx, up) }, rec)
}

// tryDowns runs the down migrations over rows.
func (s *session) tryDowns(ctx context.Context, rec *devdb.Record) (err error) {
	bench := s.server.Bench(s.base)
	defer func() { err = errors.Join(err, bench.Close()) }()
	return pipeline.Rollback{
		Bench: bench,
		Rehearse: func(ctx context.Context, rows []string, all []*migration.Migration) (*devdb.Rehearsal, error) {
			return s.server.Rehearse(ctx, s.base, rows, all)
		},
		How: s.proving(),
	}.Try(ctx, rec)
}
