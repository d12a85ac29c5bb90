package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/planned"
)

// planFiles is a plan as migration files of the team's format.
type planFiles struct {
	files    map[string][]byte
	session  *session // in which they are the new migrations
	findings []*lint.Finding
}

// intoFiles writes the parts of a plan into files behind the last migration.
func intoFiles(p *project, name string, parts []planned.Part) (*project, map[string][]byte, error) {
	out := map[string][]byte{}
	next := *p
	for i, part := range parts {
		slug := name
		if i > 0 {
			slug += "_" + strconv.Itoa(i+1)
		}
		after := firstOf(next.dir)
		if n := len(next.dir.Migrations); n > 0 {
			after = next.dir.Migrations[n-1]
			for n--; n > 0 && after.Repeatable; n-- {
				after = next.dir.Migrations[n-1]
			}
		}
		added := migration.NewFiles(next.dir, after, slug, migration.FileText(next.dir.Format, part.Up), migration.FileText(next.dir.Format, part.Down), part.Outside)
		if next.dir.Format == migration.Liquibase && strings.Contains(strings.Join(part.Up, ""), ";") {
			added[0].Text = changeset.ReplaceAllString(added[0].Text, "$0 splitStatements:false")
		}
		fix := &lint.Fix{}
		for _, f := range added {
			fix.Files = append(fix.Files, lint.NewFile{Path: f.Path, Text: f.Text})
		}
		if _, err := listed(&next, fix); err != nil {
			return nil, nil, fmt.Errorf("adding the migration to the list of its tool: %w", err)
		}
		changed, err := applied(next.fsys, []*lint.Fix{fix})
		if err != nil {
			return nil, nil, err
		}
		maps.Copy(out, changed)
		next.fsys = over(next.fsys, changed)
		opts := next.options
		opts.Format, opts.Known = next.dir.Format, next.dir
		if next.dir, err = migration.Load(next.fsys, next.dir.Path, opts); err != nil {
			return nil, nil, fmt.Errorf("reading the new migration: %w", err)
		}
	}
	known := map[string]bool{}
	for _, m := range p.dir.Migrations {
		known[key(m)] = true
	}
	next.new = nil
	for _, m := range next.dir.Migrations {
		if !known[key(m)] {
			next.new = append(next.new, recorded([]*migration.Migration{m}, true)...)
		}
	}
	if len(next.new) != len(parts) {
		return nil, nil, fmt.Errorf("the new migration files are not read as %d migrations of format %s", len(parts), next.dir.Format)
	}
	return &next, out, nil
}

var changeset = regexp.MustCompile(`(?m)^--changeset .*$`)

// firstOf stands for the migration before the first one of a directory.
func firstOf(d *migration.Dir) *migration.Migration {
	m := &migration.Migration{Format: d.Format}
	number := "0000"
	switch d.Format {
	case migration.Prisma, migration.Diesel, migration.Hasura, migration.Dbmate, migration.Supabase, migration.Sqlx, migration.Atlas:
		number = "00000000000000"
	case migration.Goose:
		number = "00000"
	case migration.GolangMigrate:
		number = "000000"
	case migration.Flyway:
		m.Version, m.Path = "0", path.Join(d.Path, "V0__before.sql")
		return m
	}
	m.Version, m.Name = number, "before"
	switch d.Format {
	case migration.Prisma:
		m.Path = path.Join(d.Path, number+"_before", "migration.sql")
	case migration.Diesel, migration.Hasura:
		m.Path = path.Join(d.Path, number+"_before", "up.sql")
	case migration.GolangMigrate:
		m.Path = path.Join(d.Path, number+"_before.up.sql")
	default:
		m.Path = path.Join(d.Path, number+"_before.sql")
	}
	return m
}

// intoMigrations writes a plan into files, and has the checks fix these.
func (a *app) intoMigrations(ctx context.Context, o *planOptions, r *planRun, p *planned.Planned, name string) (*planFiles, error) {
	parts, err := p.Parts(ctx, true)
	if err != nil {
		return nil, err
	}
	proj, texts, err := intoFiles(r.project, name, parts)
	if err != nil {
		return nil, err
	}
	out := &planFiles{files: texts, session: &session{project: proj, server: r.server, base: r.have.DB, build: r.session.build}}
	s := out.session
	rec, res, err := a.review(ctx, s, &o.lintOptions, stages{downs: true})
	if err != nil {
		return nil, err
	}
	for range onlineRounds {
		if o.asPlanned || len(res.Findings) == 0 {
			break
		}
		if err := a.fixes(ctx, s, &o.lintOptions, rec, res); err != nil {
			return nil, err
		}
		take, err := a.together(ctx, s, &o.lintOptions, rec, res)
		if err != nil {
			return nil, err
		}
		if len(take) == 0 {
			break
		}
		changed, err := applied(s.project.fsys, fixesOf(take))
		if err != nil {
			return nil, err
		}
		maps.Copy(out.files, changed)
		if s, err = s.fixed(fixesOf(take)); err != nil {
			return nil, err
		}
		if rec, res, err = a.review(ctx, s, &o.lintOptions, stages{downs: true}); err != nil {
			return nil, err
		}
	}
	out.session, out.findings = s, res.Findings
	return out, nil
}

// migrations are the new migrations in their order.
func (w *planFiles) migrations() []*migration.Migration {
	var out []*migration.Migration
	for _, m := range w.session.project.new {
		out = append(out, m.Migration)
	}
	return out
}

// names are the files that are written, sorted.
func (w *planFiles) names() []string { return slices.Sorted(maps.Keys(w.files)) }
