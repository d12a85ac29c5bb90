package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
)

// session is a server with a database on which everything merged has been
// replayed. Nothing is ever run on that one: what is recorded, proven, undone
// or tried as a fix runs on copies of it.
type session struct {
	project *project
	server  *postgres.Server
	base    *postgres.DB
}

// openSession starts a server and replays what is merged, or takes it from an
// earlier run.
func (a *app) openSession(ctx context.Context, p *project, o *lintOptions) (*session, error) {
	server, err := a.openServer(ctx, p, o)
	if err != nil {
		return nil, err
	}
	base, err := baseDatabase(ctx, server, p, o)
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	if layers := server.Layers(); o.verbose && len(layers) > 0 {
		a.say("assay: the server runs with these restrictions: %s", strings.Join(layers, ", "))
	} else if o.verbose {
		a.say("assay: the server runs with the rights of its user: the operating system restricts nothing")
	}
	return &session{p, server, base}, nil
}

// fresh is a database as it is before the first new migration, the caller's to close.
func (s *session) fresh(ctx context.Context) (*postgres.DB, error) {
	return s.server.Clone(ctx, s.base)
}

// Close stops the server; every database goes with it.
func (s *session) Close() error { return errors.Join(s.base.Close(), s.server.Close()) }

// record runs migrations on a fresh database and records what they do, with
// ways also the way back of the last one.
func (s *session) record(ctx context.Context, dir *migration.Dir, migrations []*devdb.Recorded, ways bool) (rec *devdb.Record, err error) {
	p := s.project
	rec = &devdb.Record{Version: s.server.Version(), Dir: dir, Base: p.base, New: migrations, Stats: p.stats, Config: devdb.Assumptions{
		LockTimeoutSet: p.config.Sets("lock_timeout"), StatementTimeoutSet: p.config.Sets("statement_timeout"), TimeZone: p.config.TimeZone,
	}}
	db, err := s.fresh(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := pipeline.RecordAll(ctx, db, rec); err != nil {
		return nil, err
	}
	for _, m := range rec.New {
		for _, s := range m.Steps {
			if s.Err != nil {
				s.Err.Advice = postgres.Explain(s.Err)
			}
		}
	}
	if ways && s.project.config.Down != "off" {
		return rec, pipeline.RecordLastDown(ctx, db, rec)
	}
	return rec, nil
}

// prove looks for rows on which the recorded statements fail: made ones, and
// those of the seed.
func (s *session) prove(ctx context.Context, o *lintOptions, seed []*migration.Migration, rec *devdb.Record) (err error) {
	if !o.noProofs && !o.quick {
		bench := s.server.Bench(s.base)
		defer func() { err = errors.Join(err, bench.Close()) }()
		how := pipeline.Proving{Alone: o.all, Guard: max(s.project.config.Proofs.Timeout.Or(pipeline.DefaultGuard), pipeline.LeastGuard)}
		if err := pipeline.Prove(ctx, bench, rec, how); err != nil {
			return err
		}
	}
	if len(seed) == 0 {
		return nil
	}
	return s.proveSeeded(ctx, s.server.Bench(s.base), seed, rec)
}

// worthKeeping is how long a replay takes at least for its base to be kept:
// the server is stopped for it, and a short replay is sooner run again.
const worthKeeping = 100 * time.Millisecond

// baseDatabase gives a database on which everything merged has been replayed:
// kept from an earlier run where that is possible.
func baseDatabase(ctx context.Context, s *postgres.Server, p *project, o *lintOptions) (*postgres.DB, error) {
	fitDump(p.dump, s.Version())
	key, base := baseKey(p), baseScripts(p)
	keep := !o.noCache && len(base)+len(p.setup) > 0
	if keep {
		if db, ok, err := s.Restore(ctx, key); ok || err != nil {
			return db, err
		}
	}
	db, err := s.Create(ctx)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	err = db.Setup(ctx, p.setup)
	if err == nil {
		err = pipeline.Replay(ctx, db, base)
	}
	if err == nil && keep && time.Since(start) > worthKeeping {
		err = s.Snapshot(ctx, key, db)
	}
	if err != nil {
		return nil, errors.Join(explained(err, p.dump, s.Version()), db.Close())
	}
	return db, nil
}
