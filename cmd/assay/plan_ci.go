package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/planned"
)

// schemaFollows says so if the migrations, the new ones among them, do not make
// what the schema directory of the project says.
func (a *app) schemaFollows(ctx context.Context, s *session, rec *devdb.Record) (err error) {
	p := s.project
	if p.config.Schema.Dir == "" || rec.New == nil && len(p.base) == 0 {
		return nil
	}
	list, err := a.schemaFiles(p, p.config.Schema.Dir, "schema.dir")
	if err != nil {
		return err
	}
	note := func(format string, args ...any) {
		p.notices = append(p.notices, lint.Notice{Path: p.config.Schema.Dir, Text: fmt.Sprintf(format, args...)})
	}
	d, err := s.fresh(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	var refused *devdb.StatementError
	for _, m := range rec.New {
		if err := errors.Join(d.Replay(ctx, m.Migration), d.Finish(ctx)); errors.As(err, &refused) {
			return nil // the review says that the migration fails
		} else if err != nil {
			return err
		}
	}
	have := &planned.Side{DB: d}
	if err := have.Refresh(ctx); err != nil {
		return err
	}
	want, err := planned.Files(ctx, s.server, p.config.Schema.Dir, list)
	if code := planExit(err); errors.As(code, new(usageError)) {
		note("%s", code)
		return nil
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, want.DB.Close()) }()
	selection, err := p.selection(&planOptions{})
	if err != nil {
		return err
	}
	plan, err := planned.Make(ctx, s.server, have, want, planned.Options{Select: selection})
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		note("the migrations do not make what it says, and there is no plan that leads there: %s", err)
	case !plan.Empty():
		out := &planOutput{Planned: plan}
		note("a migration is missing: the migrations do not make what it says (%s); write it with `assay diff NAME`", out.summary())
	}
	return nil
}
