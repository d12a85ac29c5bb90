package policy

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// Facts is what a document is made from.
type Facts struct {
	Record   *devdb.Record
	Findings []*lint.Finding // of the built-in checks
	Context  Context
	Stats    *Stats  // nil: none
	Owners   []Owner // the last that matches counts
	Params   map[string]any
}

// NewInput builds the document of the whole change set. A record without
// migrations is a schema alone: before is then empty, and all of it is new.
func NewInput(f Facts) *Input { return newBuilder().input(f, f.Record.New) }

// MigrationInputs builds one document for each new migration, of the same shape.
func MigrationInputs(f Facts) []*Input { return newBuilder().perMigration(f) }

func (b *builder) perMigration(f Facts) []*Input {
	var out []*Input
	for _, m := range f.Record.New {
		out = append(out, b.input(f, []*devdb.Recorded{m}))
	}
	return out
}

// input builds the document of some migrations that follow each other.
func (b *builder) input(f Facts, ms []*devdb.Recorded) *Input {
	b.size(f)
	r := f.Record
	before, after := r.Before, r.After
	if len(r.New) == 0 {
		before = nil // a schema alone: all of it is new, as in a dump
	} else if len(ms) != len(r.New) {
		before, after = reach(r, ms)
	}
	in := &Input{
		Version: InputVersion, Database: Database{Version: r.Version.Text, Major: r.Version.Major()},
		Before: b.catalog(before), After: b.catalog(after),
		Migrations: []*Migration{}, Edited: []*Edited{}, Statements: []*Statement{}, Changes: []*Change{}, Findings: []*Finding{}, Writes: []*Write{},
		Evidence: Evidence{Locks: []*Lock{}, Rewrites: []*Rewrite{}, Scans: []*Scan{}, Rows: []*Rows{}, Dropped: []*Dropped{}, Counterexamples: []*Counterexample{}},
		Stats:    stats(f.Stats), Context: contextOf(f.Context), Owners: []*Owner{}, Params: map[string]any{},
	}
	in.Added, in.Dropped = b.added(before, after), b.added(after, before)
	in.span = &span{b: b, before: before, after: after}
	for _, e := range r.Edited {
		in.Edited = append(in.Edited, &Edited{Path: e.Path, OldPath: e.OldPath, Kind: e.Kind, Line: max(e.Line, 1)})
	}
	for _, o := range f.Owners {
		o.Teams, o.Users = list(o.Teams), list(o.Users)
		if o.Team != "" && len(o.Teams) == 0 {
			o.Teams = []string{o.Team}
		}
		in.Owners = append(in.Owners, &o)
	}
	maps.Copy(in.Params, f.Params)
	paths := map[string]bool{}
	for _, m := range ms {
		paths[m.Path] = true
		in.Migrations = append(in.Migrations, migrationOf(m))
		for _, s := range m.Steps {
			in.add(b.statement(r, m, s))
			if len(s.Changes) > 0 && s.After != nil {
				in.span.steps = append(in.span.steps, s)
			}
		}
	}
	in.Renamed = b.renamed(r.Before, in.span.steps)
	for _, x := range f.Findings {
		if len(ms) == len(r.New) || x.Migration >= 0 && x.Migration < len(r.New) && paths[r.New[x.Migration].Path] {
			in.Findings = append(in.Findings, findingOf(x))
		}
	}
	return in
}

// renamed are the names that relations and columns of before got on the way.
func (b *builder) renamed(before *schema.Catalog, steps []*devdb.Step) []*Renamed {
	out := []*Renamed{}
	was := map[string]string{}
	for _, s := range steps {
		if !slices.ContainsFunc(s.Changes, renames) {
			continue
		}
		for ref, n := range b.namesOf(s.After) {
			if old, ok := b.namesOf(orEmpty(before))[ref]; ok && ref.Class == schema.ClassRelation && old.name != n.name && n.kind != "index" {
				was[n.name] = old.name
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		out = append(out, &Renamed{Object: name, Was: was[name]})
	}
	return out
}

func renames(c schema.Change) bool {
	switch c.(type) {
	case *schema.RenameTable, *schema.MoveTable, *schema.RenameSchema, *schema.RenameColumn:
		return true
	}
	return false
}

// reach is the catalog before the first and after the last statement of some
// migrations. Those without statements change nothing.
func reach(r *devdb.Record, ms []*devdb.Recorded) (before, after *schema.Catalog) {
	before = r.Before
	for _, m := range r.New {
		if m == ms[0] {
			break
		}
		if n := len(m.Steps); n > 0 {
			before = m.Steps[n-1].After
		}
	}
	after = before
	for _, m := range ms {
		if n := len(m.Steps); n > 0 {
			after = m.Steps[n-1].After
		}
	}
	return before, after
}

// added names what is in after and not in before, sorted.
func (b *builder) added(before, after *schema.Catalog) []string {
	out := []string{}
	if before == after || after == nil {
		return out
	}
	var old map[schema.Ref]named
	if before != nil {
		old = b.namesOf(before)
	}
	for ref, n := range b.namesOf(after) {
		if _, ok := old[ref]; !ok {
			out = append(out, n.name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (in *Input) add(s *Statement) {
	in.Statements = append(in.Statements, s)
	in.Changes = append(in.Changes, s.Changes...)
	in.Writes = append(in.Writes, s.Writes...)
	e := &in.Evidence
	e.Locks = append(e.Locks, s.Locks...)
	e.Rewrites = append(e.Rewrites, s.Rewrites...)
	e.Scans = append(e.Scans, s.Scans...)
	e.Rows = append(e.Rows, s.Rows...)
	e.Dropped = append(e.Dropped, s.Dropped...)
	e.Counterexamples = append(e.Counterexamples, s.Counterexamples...)
}

func migrationOf(m *devdb.Recorded) *Migration {
	out := &Migration{
		Path: m.Path, Version: m.Version, Name: m.Name, Format: string(m.Format), Transaction: string(m.TxMode), Repeatable: m.Repeatable,
		HasDown: m.Migration.Down != nil, OutOfOrder: m.OutOfOrder, Statements: len(m.Steps),
		Location: &Location{Path: m.Path, Line: 1, Column: 1, EndLine: 1, EndColumn: 1},
	}
	if !isSensitive(m.Directives) {
		out.Header = header(m.Source)
	}
	if m.Err != nil && !isSensitive(m.Directives) {
		out.Error = m.Err.Message
	}
	return out
}

func isSensitive(ds []migration.Directive) bool {
	return slices.ContainsFunc(ds, func(d migration.Directive) bool { return d.Kind == migration.Sensitive })
}

func location(pos, end migration.Position) *Location {
	return &Location{Path: pos.Path, Line: pos.Line, Column: pos.Column, EndLine: end.Line, EndColumn: end.Column}
}

func (b *builder) statement(r *devdb.Record, m *devdb.Recorded, s *devdb.Step) *Statement {
	st := s.Stmt
	x := &Statement{
		Index: s.Index, Migration: m.Path, Text: st.Text, Tag: s.Tag, Syntax: syntaxOf(*st.Syntax), Location: location(st.Pos, st.End),
		InTransaction: s.InTx, Transaction: s.TxID,
		Settings: &Settings{
			LockTimeoutMS: s.Settings.LockTimeout.Milliseconds(), StatementTimeoutMS: s.Settings.StatementTimeout.Milliseconds(),
			SearchPath: s.Settings.SearchPath, Role: s.Settings.Role, TimeZone: s.Settings.TimeZone,
		},
		Changes: []*Change{}, Locks: []*Lock{}, Held: []*Lock{}, Rewrites: []*Rewrite{}, Scans: []*Scan{}, Rows: []*Rows{},
		Dropped: []*Dropped{}, Counterexamples: []*Counterexample{},
	}
	if x.Tag == "" {
		x.Tag = st.Syntax.Tag
	}
	hidden := isSensitive(m.Directives) || isSensitive(st.Directives)
	if hidden {
		x.Text = "" // what nobody may see, policies may not put into a message either
	}
	for _, c := range s.Changes {
		d := change(c, orEmpty(s.Before), orEmpty(s.After))
		d.Migration, d.Statement, d.Location = x.Migration, x.Index, x.Location
		x.Changes = append(x.Changes, d)
	}
	b.facts(r, m, s, x)
	x.Writes = writes(s, x)
	if hidden {
		x.Counterexamples = []*Counterexample{}
	}
	if m := s.Measured; m != nil && m.Why == "" {
		x.Measured = &Measured{Object: m.Object, Rows: m.Rows, EstimateMS: m.Estimate.Milliseconds(), LowMS: m.Low.Milliseconds(), HighMS: m.High.Milliseconds()}
	}
	if s.Err != nil {
		x.Error = &StatementError{Fact: x.fact("error", "", "SQLSTATE "+s.Err.Code), Code: s.Err.Code}
		if !hidden {
			x.Error.Message, x.Error.Text = s.Err.Message, s.Err.Message+" (SQLSTATE "+s.Err.Code+")"
		}
	}
	return x
}

func (x *Statement) fact(kind, object, text string) Fact {
	return Fact{What: kind, Text: text, Object: object, Migration: x.Migration, Statement: x.Index, Location: x.Location}
}

// facts fills in what the server did.
func (b *builder) facts(r *devdb.Record, m *devdb.Recorded, s *devdb.Step, x *Statement) {
	isNew := func(oid schema.OID) bool {
		c := orEmpty(r.Before)
		return c.Relations[oid] == nil && c.Indexes[oid] == nil
	}
	table := func(oid schema.OID) string {
		if n := relName(orEmpty(s.After), oid); n != "" {
			return n
		}
		return relName(orEmpty(s.Before), oid)
	}
	lock := func(l devdb.Lock, kind string) *Lock {
		text := string(l.Mode) + " on " + l.Object
		if kind == "held" && l.Step < len(m.Steps) {
			text += fmt.Sprintf(", held since line %d", m.Steps[l.Step].Stmt.Pos.Line)
		}
		out := &Lock{Fact: x.fact(kind, l.Object, text), Kind: l.Kind, Table: table(l.Table), Mode: string(l.Mode), New: isNew(l.Relation), Inferred: l.Inferred}
		if out.Table == "" {
			out.Table = l.Object
		}
		return out
	}
	for _, l := range s.Locks {
		x.Locks = append(x.Locks, lock(l, "lock"))
	}
	for _, l := range s.Held {
		x.Held = append(x.Held, lock(l, "held"))
	}
	for _, w := range s.Rewrites {
		x.Rewrites = append(x.Rewrites, &Rewrite{
			Fact: x.fact("rewrite", w.Object, "rewrites all of "+w.Object), Kind: w.Kind, Table: table(w.Table), Reason: w.Reason, New: isNew(w.Relation),
		})
	}
	for _, c := range s.Scans {
		x.Scans = append(x.Scans, &Scan{Fact: x.fact("scan", c.Object, "scans all of "+c.Object), Count: c.Count, New: isNew(c.Relation)})
	}
	for _, c := range s.Rows {
		x.Rows = append(x.Rows, &Rows{
			Fact:     x.fact("rows", c.Object, fmt.Sprintf("%d inserted, %d updated, %d deleted in %s", c.Inserted, c.Updated, c.Deleted, c.Object)),
			Inserted: c.Inserted, Updated: c.Updated, Deleted: c.Deleted,
		})
	}
	for _, d := range s.Dropped {
		x.Dropped = append(x.Dropped, &Dropped{
			Fact: x.fact("dropped", d.Name, "drops "+d.Kind+" "+d.Name), Kind: d.Kind, Named: d.Original, Cascade: d.Normal && !d.Original, Via: list(d.Via),
		})
	}
	for _, c := range s.Counterexamples {
		x.Counterexamples = append(x.Counterexamples, &Counterexample{
			Fact: x.fact("counterexample", "", c.Say()), Kind: c.Kind, SQL: c.Rows, Code: c.Code, Message: c.Say(),
		})
	}
}

func orEmpty(c *schema.Catalog) *schema.Catalog {
	if c == nil {
		return &schema.Catalog{}
	}
	return c
}

func syntaxOf(s migration.Syntax) *Syntax {
	out := &Syntax{
		Parsed: s.Parsed, Concurrently: s.Concurrently, IfExists: s.IfExists, IfNotExists: s.IfNotExists, OrReplace: s.OrReplace, Cascade: s.Cascade,
		NotValid: s.NotValid, UsingIndex: s.UsingIndex, HasWhere: s.HasWhere, Transaction: s.Transaction, Objects: list(s.Objects),
		Actions: []*Action{}, Language: s.Language,
	}
	if s.Set != nil {
		out.Set = &Setting{Name: s.Set.Name, Value: s.Set.Value, Local: s.Set.Local, Reset: s.Set.Reset}
	}
	for _, a := range s.Actions {
		out.Actions = append(out.Actions, &Action{Kind: a.Kind, Name: a.Name, Cascade: a.Cascade})
	}
	return out
}

func findingOf(f *lint.Finding) *Finding {
	out := &Finding{
		ID: f.ID, Name: f.Name, Severity: string(f.Severity), Confidence: string(f.Confidence), Object: f.Object, Statement: f.Statement,
		Location: &Location{Path: f.Path, Line: f.Line, Column: f.Column, EndLine: f.EndLine, EndColumn: f.EndColumn},
	}
	if !f.Sensitive {
		out.Message = f.Message
	}
	return out
}

func contextOf(c Context) *Context {
	c.AuthorTeams = list(c.AuthorTeams)
	c.Labels, c.Reviewers, c.Approvals, c.ChangedFiles = list(c.Labels), list(c.Reviewers), list(c.Approvals), list(c.ChangedFiles)
	for i := range c.Approvals {
		c.Approvals[i].Teams = list(c.Approvals[i].Teams)
		c.Approvals[i].Type = orElse(c.Approvals[i].Type, "person")
	}
	return &c
}

func stats(s *Stats) *Stats {
	if s == nil {
		s = &Stats{}
	}
	return &Stats{Tables: list(s.Tables), Indexes: list(s.Indexes), Columns: list(s.Columns)}
}

// pinned is the clock that rules see.
func pinned(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t
}
