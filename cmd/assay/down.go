package main

import (
	"context"
	"errors"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/pipeline"
)

// downs runs the ways back of the new migrations, unless the configuration
// says not to.
func (s *session) downs(ctx context.Context, rec *devdb.Record) (err error) {
	rec.Config.DownRequired = s.project.config.Down == "require"
	ways := false
	for _, m := range rec.New {
		ways = ways || m.Migration.Down != nil && m.Down == nil
	}
	if s.project.config.Down == "off" || !ways {
		return nil
	}
	up, err := s.fresh(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, up.Close()) }()
	return pipeline.RecordDowns(ctx, up, func(ctx context.Context) (devdb.DB, error) { return s.server.Clone(ctx, up) }, rec)
}
