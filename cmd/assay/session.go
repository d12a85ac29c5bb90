package main

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
	"github.com/assaydb/assay/internal/proof"
)

// session is a server with a database on which everything merged has been
// replayed. Nothing is ever run on that one: what is recorded, proven, undone
// or tried as a fix runs on copies of it.
type session struct {
	project *project
	server  *postgres.Server
	base    *postgres.DB
	build   *builder
	apart   bool // each new migration is a change of its own
	seed    []*migration.Migration
	// same compares changed migrations with those of the record sameOf.
	same   *pipeline.Equivalence
	sameOf *devdb.Record
	keeper *warm // of a server that outlives the session; nil: it ends with it
	// afterFunc is the program's.
	afterFunc func(time.Duration, func()) (stop func() bool)
}

// proving is how proofs of the session's project are sought.
func (s *session) proving() pipeline.Proving {
	return pipeline.Proving{Alone: s.apart, Guard: max(s.project.config.Proofs.Timeout.Or(pipeline.DefaultGuard), pipeline.LeastGuard), AfterFunc: s.afterFunc}
}

// openSession starts a server and replays what is merged, or takes it from an
// earlier run, or from an earlier session of this one.
func (a *app) openSession(ctx context.Context, p *project, o *lintOptions) (*session, error) {
	if a.warm != nil {
		return a.warm.session(ctx, a, p, o)
	}
	return a.coldSession(ctx, p, o)
}

// coldSession is a session on a server of its own.
func (a *app) coldSession(ctx context.Context, p *project, o *lintOptions) (*session, error) {
	server, err := a.openServer(ctx, p, o)
	if err != nil {
		return nil, err
	}
	s := &session{project: p, server: server, afterFunc: a.afterFunc, build: &builder{server: server, project: p, gone: map[*migration.Statement]bool{}}}
	if err := s.replayBase(ctx, o); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	if layers := server.Layers(); o.verbose && len(layers) > 0 {
		a.say("assay: the server runs with these restrictions: %s", strings.Join(layers, ", "))
	} else if o.verbose {
		a.say("assay: the server runs with the rights of its user: the operating system restricts nothing")
	}
	s.apart = o.all
	return s, nil
}

// fresh is a database as it is before the first new migration, the caller's to close.
func (s *session) fresh(ctx context.Context) (*postgres.DB, error) {
	return s.server.Clone(ctx, s.base)
}

// Close stops the server, and every database goes with it; or it gives it back.
func (s *session) Close() error {
	if s.keeper != nil {
		return s.keeper.release(s)
	}
	return errors.Join(s.base.Close(), s.server.Close())
}

// notices say what the dev server has not, and what stood for it.
func (s *session) notices(rec *devdb.Record) []lint.Notice {
	out := s.build.notices()
	for _, text := range s.server.Stubs(pipeline.StubNames(rec)) {
		out = append(out, lint.Notice{Text: text})
	}
	return out
}

// stubs are what stood for extensions that the dev server lacks.
func (s *session) stubs(rec *devdb.Record) pipeline.Provided {
	out := pipeline.Provided{}
	for _, n := range pipeline.StubNames(rec) {
		out[n] = s.server.StubOf(n)
	}
	return out
}

// record runs migrations on a fresh database and records what they do, with
// ways also the way back of the last one.
func (s *session) record(ctx context.Context, dir *migration.Dir, migrations []*devdb.Recorded, ways bool) (rec *devdb.Record, err error) {
	p := s.project
	rec = &devdb.Record{Version: s.server.Version(), Dir: dir, Base: p.base, New: migrations, Stats: p.stats, Apart: s.apart, Config: devdb.Assumptions{
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
				s.Err.Advice = cmp.Or(postgres.Explain(s.Err), somebodysTable(s.Err))
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
		if err := pipeline.Prove(ctx, bench, rec, s.proving()); err != nil {
			return err
		}
	}
	if len(seed) == 0 {
		return nil
	}
	return s.proveSeeded(ctx, s.server.Bench(s.base), seed, rec)
}

// exercise uses what the recorded migrations touch, before and after them.
func (s *session) exercise(ctx context.Context, o *lintOptions, rec *devdb.Record) error {
	if o.noProofs || o.quick {
		return nil
	}
	return pipeline.Exercise(ctx, func(ctx context.Context, run []*migration.Migration) (proof.Stage, func() error, error) {
		st, err := s.server.Stage(ctx, s.base, run)
		if err != nil {
			return nil, nil, err
		}
		return st, st.Close, nil
	}, rec)
}

// worthKeeping is how long a replay takes at least for its base to be kept:
// the server is stopped for it, and a short replay is sooner run again.
const worthKeeping = 100 * time.Millisecond

// replayBase makes the database on which everything merged has been replayed,
// or takes it from an earlier run. One with anything that was provided or left
// out is not kept: the next run says it again.
func (s *session) replayBase(ctx context.Context, o *lintOptions) (err error) {
	p := s.project
	fitDump(p.dump, s.server.Version())
	key, base := baseKey(p), baseScripts(p)
	whole := len(s.build.provided) == 0
	keep := !o.noCache && len(base)+len(p.setup) > 0 && whole
	if keep {
		db, ok, err := s.server.Restore(ctx, key)
		if ok || err != nil {
			s.base = db
			return err
		}
	}
	db, took, err := s.build.build(ctx, base)
	if err != nil {
		return explained(err, p.dump, s.server.Version())
	}
	s.base = db
	if keep && took > worthKeeping && len(s.build.provided)+len(s.build.left) == 0 {
		err = s.server.Snapshot(ctx, key, db)
	}
	return err
}

// missing provides what the recorded migrations miss of a platform, and makes
// the base again with it. It reports whether there was anything.
func (s *session) missing(ctx context.Context, o *lintOptions, rec *devdb.Record) (bool, error) {
	found := false
	for _, m := range rec.New {
		for _, st := range m.Steps {
			if st.Err != nil && st.Err.Follows == nil && len(s.build.provided) < mostProvided {
				found = s.build.provide(st.Err, platform) || found
			}
		}
	}
	if !found {
		return false, nil
	}
	for _, m := range rec.New {
		m.Down = nil
	}
	if err := s.base.Close(); err != nil {
		return false, err
	}
	return true, s.replayBase(ctx, o)
}
