package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

var hiddenDrift = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ104", Name: "if-not-exists-hides-drift", Title: "IF NOT EXISTS keeps an existing object with a different definition", Severity: lint.Warning, Covers: []string{"SQ107"},
		Hazards: []string{"X17", "C24", "D16"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			if s.Err != nil {
				continue
			}
			if s.Stmt.Syntax.IfNotExists {
				for _, d := range driftOf(s, false) {
					p.drift(m, s, d, "IF NOT EXISTS")
				}
			}
			for _, c := range s.Caught {
				if c.Handler.Passive && thereAlready(c.Code) && c.Statement != "" {
					for _, d := range p.caughtDrift(s, c) {
						p.drift(m, s, d, "the handler "+handlerName(s, c.Handler))
					}
				}
			}
		}
	},
}

// drifted is an object that is there and differs from what a statement writes.
type drifted struct {
	table      *schema.Relation
	kind, name string
	differs    []string
}

// driftOf compares what a statement of CREATE or ADD COLUMN writes with what is
// there before it. plain says that it is also compared without IF NOT EXISTS.
func driftOf(s *devdb.Step, plain bool) []drifted {
	x := s.Stmt.Syntax
	if len(x.Objects) == 0 {
		return nil
	}
	switch x.Tag {
	case "CREATE TABLE":
		if t := writtenRelation(s, x.Objects[0]); t != nil && len(x.Columns) > 0 && t.IsTable() {
			return []drifted{{t, "table", t.Name, tableDiffers(t, *x)}}
		}
	case "ALTER TABLE":
		return columnDrift(s, plain)
	case "CREATE INDEX":
		if i := writtenIndex(s, x.Name, x.Objects[0]); x.Name != "" && i != nil {
			return []drifted{{s.Before.Relations[i.Table], "index", i.Name, indexDiffers(s, i)}}
		}
	}
	return nil
}

func columnDrift(s *devdb.Step, plain bool) []drifted {
	var out []drifted
	t := writtenRelation(s, s.Stmt.Syntax.Objects[0])
	for _, a := range s.Stmt.Syntax.Actions {
		if a.Kind != "ADD COLUMN" || !a.IfNotExists && !plain || a.Column == nil || t == nil {
			continue
		}
		_, name := splitName(a.Column.Name)
		if c := columnByName(t, name); c != nil {
			out = append(out, drifted{t, "column", c.Name, columnDiffers(c, a.Column)})
		}
	}
	return out
}

// caughtDrift is what a statement that failed in a block because the object
// exists would have made otherwise. What the block or a later statement puts
// right is no drift, nor is what they add.
func (p *Pass) caughtDrift(s *devdb.Step, c devdb.Caught) []drifted {
	w := *s
	w.Stmt = migration.Single(c.Statement)
	out := driftOf(&w, true)
	w.Before = p.After
	later := driftOf(&w, true)
	for i := range out {
		d := &out[i]
		d.differs = slices.DeleteFunc(d.differs, func(text string) bool {
			return !slices.ContainsFunc(later, func(l drifted) bool {
				return l.kind == d.kind && l.name == d.name && slices.Contains(l.differs, text)
			})
		})
	}
	return out
}

// drift reports an object that is there and differs from what is written, and
// what hides it.
func (p *Pass) drift(m *devdb.Recorded, s *devdb.Step, d drifted, hides string) {
	if len(d.differs) == 0 || d.table == nil {
		return
	}
	object := qualified(d.table.Schema, d.table.Name)
	if d.kind == "column" {
		object += "." + d.name
	}
	f := lint.Finding{
		Object: object, Message: fmt.Sprintf("%s %q already exists and is left unchanged: %s", d.kind, d.name, listPlain(slices.Clone(d.differs), 3)),
		Advice: fmt.Sprintf("Change the existing object with ALTER, or give the new one another name. Without %s the migration fails instead of continuing silently.", hides),
	}
	for _, text := range d.differs {
		f.Evidence = append(f.Evidence, catalogEvidence(object, "%s", text))
	}
	p.Report(At{Migration: m, Step: s}, f)
}

func tableDiffers(t *schema.Relation, x migration.Syntax) []string {
	var out, written []string
	like := strings.Contains(strings.ToUpper(strings.Join(x.Options, " ")), "PARTITION OF")
	for i := range x.Columns {
		w := &x.Columns[i]
		_, name := splitName(w.Name)
		written = append(written, name)
		c := columnByName(t, name)
		if c == nil {
			out = append(out, fmt.Sprintf("it has no column %q", name))
			continue
		}
		if d := typeDiffers(c, w.Type); d != "" {
			out = append(out, fmt.Sprintf("column %q %s", name, d))
		}
	}
	for _, c := range t.Columns {
		if !like && !slices.Contains(written, c.Name) && !c.Inherited {
			out = append(out, fmt.Sprintf("it has a column %q", c.Name))
		}
	}
	return out
}

func columnDiffers(c *schema.Column, w *migration.Column) []string {
	var out []string
	if d := typeDiffers(c, w.Type); d != "" {
		out = append(out, "it "+d)
	}
	switch primary := slices.ContainsFunc(w.Constraints, func(k migration.Constraint) bool { return k.Kind == "PRIMARY KEY" }); {
	case w.NotNull && !c.NotNull:
		out = append(out, "it may be null")
	case !w.NotNull && !primary && c.NotNull && w.Identity == "" && !strings.Contains(strings.ToLower(w.Type), "serial"):
		out = append(out, "it is NOT NULL")
	}
	if w.HasDefault && c.Default == "" && c.Identity == "" && !strings.EqualFold(w.Default, "null") {
		out = append(out, "it has no default")
	}
	return out
}

func typeDiffers(c *schema.Column, written string) string {
	w, known := canonicalType(written)
	has, is := canonicalType(c.Type)
	if !known || !is || w == has {
		return ""
	}
	return fmt.Sprintf("is of type %s, not %s", c.Type, strings.ToLower(written))
}

var (
	indexKeys = regexp.MustCompile(`(?is)\bUSING\s+\w+\s*\(([^()]*)\)|\bON\s+(?:ONLY\s+)?[\w."]+\s*\(([^()]*)\)`)
	plainKeys = regexp.MustCompile(`^[\w\s,"]+$`)
	afterKeys = regexp.MustCompile(`(?is)\b(INCLUDE|WHERE|WITH|NULLS)\b`)
)

func indexDiffers(s *devdb.Step, i *schema.Index) []string {
	x := s.Stmt.Syntax
	var out []string
	if t := writtenRelation(s, x.Objects[0]); t != nil && t.OID != i.Table {
		return []string{"it is on " + quote(relName(s, i.Table))}
	}
	if unique := x.Has("UNIQUE"); unique != i.Unique {
		out = append(out, map[bool]string{true: "it is not unique", false: "it is unique"}[unique])
	}
	if !i.Valid {
		out = append(out, "it is invalid")
	}
	keys := indexKeys.FindStringSubmatch(s.Stmt.Text)
	if keys == nil || afterKeys.MatchString(s.Stmt.Text) {
		return out
	}
	written := keys[1] + keys[2]
	if !plainKeys.MatchString(written) || i.Predicate != "" {
		return out
	}
	var has, want []string
	for _, k := range i.Keys {
		has = append(has, k.Text)
	}
	for _, w := range strings.Split(written, ",") {
		fields := strings.Fields(w)
		if len(fields) != 1 { // sort order, operator class
			return out
		}
		_, n := splitName(fields[0])
		want = append(want, n)
	}
	for n, k := range has {
		has[n] = strings.Trim(k, `"`)
	}
	if !slices.Equal(has, want) {
		out = append(out, fmt.Sprintf("it is on (%s), not (%s)", strings.Join(has, ", "), strings.Join(want, ", ")))
	}
	return out
}
