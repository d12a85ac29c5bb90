package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/pipeline"
	"github.com/assaydb/assay/internal/queries"
)

// asker lets the pipeline prepare queries.
type asker struct{ *postgres.DB }

// Ask prepares the queries.
func (a asker) Ask(ctx context.Context, texts []string) ([]pipeline.Answer, error) {
	got, err := a.Prepare(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := make([]pipeline.Answer, len(got))
	for i, p := range got {
		out[i] = pipeline.Answer{Code: p.Code, Error: p.Error, Planned: p.Planned, Params: p.Params}
		for _, c := range p.Columns {
			out[i].Columns = append(out[i].Columns, fmt.Sprintf("%q %s", c.Name, c.Type))
		}
	}
	return out, nil
}

// askQueries asks the application's queries, if the configuration names any.
func (s *session) askQueries(ctx context.Context, rec *devdb.Record) (err error) {
	p := s.project
	if len(p.queries) == 0 {
		return nil
	}
	db, err := s.fresh(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := pipeline.AskQueries(ctx, asker{db}, rec, p.queries); err != nil {
		return fmt.Errorf("asking the application's queries: %w", err)
	}
	return nil
}

// unasked collects the notices about queries that could not be asked, or failed
// before the change.
func (p *project) unasked(rec *devdb.Record) {
	if rec.Queries == nil {
		return
	}
	named := 0
	for _, q := range p.queries {
		if q.Open != "" {
			p.notices = append(p.notices, lint.Notice{Path: q.Path, Line: q.Line, Text: "the file is not read from here on: " + q.Open + "; what it names counts as used"})
		} else if q.Ask == "" {
			named++
		}
	}
	if named > 0 {
		p.notices = append(p.notices, lint.Notice{Text: fmt.Sprintf("%d of the application's %d statements cannot be prepared: what they name counts as used", named, len(p.queries))})
	}
	for _, f := range rec.Queries.Failed {
		p.notices = append(p.notices, lint.Notice{Path: f.Path, Line: f.Line, Text: "this query fails on the merged schema already: " + f.Error})
	}
}

// loadQueries reads the files of queries.
func (p *project) loadQueries() (err error) {
	if len(p.config.Queries) > 0 {
		p.queries, err = queries.Load(p.data, p.config.Queries)
	}
	if err != nil {
		return usageError{err}
	}
	return nil
}
