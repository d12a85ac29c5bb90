package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

var errorSwallowed = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ114", Name: "error-swallowed", Title: "an EXCEPTION block hides a failed change", Severity: lint.Warning,
		Hazards: []string{"X33"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			if s.Err != nil {
				continue
			}
			at := At{Migration: m, Step: s}
			told := map[int]bool{} // by line of the handler
			for _, c := range s.Caught {
				if c.Handler.Passive && len(c.Handler.Changes) > 0 && !thereAlready(c.Code) && !told[c.Handler.Line] {
					told[c.Handler.Line] = true
					p.Report(at, swallowedFinding(s, c))
				}
			}
			for _, h := range p.handlersOf(s) {
				if f, ok := p.wouldSwallow(s, h); ok && !told[h.Line] {
					told[h.Line] = true
					p.Report(at, f)
				}
			}
		}
	},
}

// thereAlready reports whether an error says that what is to be made exists:
// the handler is how such a block says IF NOT EXISTS.
func thereAlready(code string) bool {
	switch code {
	case "42710", "42P07", "42701", "42P06", "42723", "42P04", "23505", "42P16":
		return true
	}
	return false
}

func swallowedFinding(s *devdb.Step, c devdb.Caught) lint.Finding {
	f := lint.Finding{
		Message:  fmt.Sprintf("succeeds without doing anything: %s, and the handler %s hides the error", c.Message, handlerName(s, c.Handler)),
		Evidence: []lint.Evidence{{Kind: "error", Text: c.Message, Code: c.Code}},
		Advice:   "Let the migration fail, or catch only the expected condition (WHEN duplicate_object), or test for it beforehand: to_regclass, information_schema.columns, pg_roles.",
	}
	if c.Statement != "" {
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "syntax", Text: clip(c.Statement)})
	}
	if len(c.Handler.Changes) > 1 {
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "syntax", Text: fmt.Sprintf("%s of the block are rolled back or never run", plural(len(c.Handler.Changes), "statement"))})
	}
	return f
}

func handlerName(s *devdb.Step, h migration.Handler) string {
	name := "WHEN " + strings.ToUpper(strings.Join(h.Conditions, " OR "))
	if r := s.Stmt.Syntax.Routine; r != nil && s.Stmt.Syntax.Tag == "DO" && h.Line > 0 {
		name += fmt.Sprintf(" in line %d", r.Pos.Line+h.Line-1)
	}
	return name
}

// handlersOf are the handlers of a DO block and of the functions that it, a
// SELECT or a CALL names.
func (p *Pass) handlersOf(s *devdb.Step) []migration.Handler {
	if s.Tag != "DO" && s.Tag != "SELECT" && s.Tag != "CALL" {
		return nil
	}
	out := migration.Handlers(s.Stmt)
	for _, f := range calledBy(s) {
		if f.Language == "plpgsql" {
			out = append(out, migration.BodyHandlers(f.Body)...)
		}
	}
	return out
}

// wouldSwallow reports a handler that hides what fails on production's rows
// alone: a demand of the block on rows that were there before.
func (p *Pass) wouldSwallow(s *devdb.Step, h migration.Handler) (lint.Finding, bool) {
	if !h.Passive || len(h.Changes) == 0 {
		return lint.Finding{}, false
	}
	for _, c := range s.Changes {
		condition, table, what := demandOf(s, c)
		t := p.Before.Relations[table]
		if condition == "" || t == nil || !h.Catches(condition) && !h.Catches("integrity_constraint_violation") || !inBlock(h, c, t) {
			continue
		}
		name := qualified(t.Schema, t.Name)
		return lint.Finding{
			Object:   name,
			Message:  fmt.Sprintf("if rows of %s violate %s, the handler %s hides the error: the migration counts as applied, and %s does not exist", quote(name), what, handlerName(s, h), what),
			Evidence: []lint.Evidence{{Kind: "syntax", Text: clip(h.Changes[0]), Object: name}},
			Advice:   "Let the migration fail: catch only the condition that the object already exists (WHEN duplicate_object, WHEN duplicate_table).",
		}, true
	}
	return lint.Finding{}, false
}

// demandOf is the condition that rows raise which break what a change demands
// of them; empty if it demands nothing.
func demandOf(s *devdb.Step, c schema.Change) (condition string, table schema.OID, what string) {
	switch c := c.(type) {
	case *schema.AddIndex:
		if c.Index.Unique && c.Index.Parent == 0 && c.Index.Constraint == 0 {
			return "unique_violation", c.Index.Table, fmt.Sprintf("unique index %q", c.Index.Name)
		}
	case *schema.AddConstraint:
		k := c.Constraint
		conditions := map[schema.ConstraintKind]string{
			schema.Unique: "unique_violation", schema.PrimaryKey: "unique_violation", schema.Check: "check_violation",
			schema.ForeignKey: "foreign_key_violation", schema.Exclusion: "exclusion_violation",
		}
		if k.Validated && k.Enforced && k.Parent == 0 {
			return conditions[k.Kind], k.Table, fmt.Sprintf("%s %q", k.Kind, k.Name)
		}
	case *schema.ValidateConstraint:
		return "check_violation", c.After.Table, fmt.Sprintf("%s %q", c.After.Kind, c.After.Name)
	case *schema.SetNotNull:
		if column(s.Before.Relations[c.Table.OID], c.Column.Num) != nil {
			return "not_null_violation", c.Table.OID, fmt.Sprintf("NOT NULL of %q", c.Column.Name)
		}
	}
	return "", 0, ""
}

// inBlock reports whether the handler's block makes the change, or may: what
// EXECUTE puts together is not known.
func inBlock(h migration.Handler, c schema.Change, t *schema.Relation) bool {
	return slices.ContainsFunc(h.Changes, func(sql string) bool {
		return hasWord(sql, t.Name) || strings.Contains(sql, "format") || strings.Contains(sql, "||")
	})
}
