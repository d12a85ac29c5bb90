package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/assaydb/assay/internal/config"
)

// warm keeps a session's server with its replayed base for the next run of the
// same process. It serves one run at a time.
type warm struct {
	key, shared string   // what the kept server depends on, and what its databases have in common
	kept        *session // nil: none
}

// session gives a session on the kept server if its base is the one that the
// project has, else on a new one that is kept.
func (w *warm) session(ctx context.Context, a *app, p *project, o *lintOptions) (*session, error) {
	key, err := serverKey(p, o)
	if err != nil {
		return nil, err
	}
	if err := w.fit(ctx, key); err != nil {
		return nil, err
	}
	if w.kept == nil {
		s, err := a.coldSession(ctx, p, o)
		if err != nil {
			return nil, err
		}
		w.key, w.kept = key, s
		if w.shared, err = s.server.Shared(ctx); err != nil {
			return nil, errors.Join(err, w.drop())
		}
	}
	fitDump(p.dump, w.kept.server.Version())
	s, b := *w.kept, *w.kept.build
	b.project, b.gone = p, maps.Clone(b.gone)
	s.project, s.build, s.apart, s.keeper = p, &b, o.all, w
	return &s, nil
}

// fit stops a kept server that is not the one that a run needs: it has another
// base, or an earlier run has left a role there.
func (w *warm) fit(ctx context.Context, key string) error {
	if w.kept == nil {
		return nil
	}
	if w.key == key {
		shared, err := w.kept.server.Shared(ctx)
		if err != nil {
			return errors.Join(err, w.drop())
		}
		if shared == w.shared {
			return nil
		}
	}
	return w.drop()
}

// release ends a run's use of the server. A base that the run has replaced is
// not that of the next one.
func (w *warm) release(s *session) error {
	if w.kept == nil || s.base == w.kept.base {
		return nil
	}
	w.kept.base = s.base
	return w.drop()
}

// drop stops the server.
func (w *warm) drop() error {
	s := w.kept
	if w.kept = nil; s == nil {
		return nil
	}
	return s.Close()
}

// serverKey names all that a server and its base depend on.
func serverKey(p *project, o *lintOptions) (string, error) {
	c := p.config
	text, err := json.Marshal([]any{
		baseKey(p), o.postgres, o.devURL, o.superuser, o.schemas, c.Schema.Dir, c.DevURL, c.Extensions, c.WALLevel, c.TimeZone, c.Settings,
		c.StatementTimeout.Or(config.DefaultStatementTimeout).String(),
	})
	if err != nil {
		return "", fmt.Errorf("comparing servers: %w", err)
	}
	return string(text), nil
}
