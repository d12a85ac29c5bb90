package planned

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/state"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
)

// mostLifted bounds the objects that are dropped for one statement and created again.
const mostLifted = 1000

// Lift finds how a statement runs although objects depend on what it changes:
// they are dropped before it and created again behind it, or behind a later
// statement that creates what it drops. at is the database right before the
// statement, and stays as it is; later are the statements behind it in its file.
// nil if there is no such way, or if it does not bring back all that was there:
// the way was run, and each object compared with what it was.
func Lift(ctx context.Context, at *postgres.DB, st *migration.Statement, later []*migration.Statement, set devdb.Settings) (_ *devdb.Lift, err error) {
	until := createdBy(st, later)
	if until == nil {
		return nil, nil
	}
	on, err := state.Open(ctx, at)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, on.Close(ctx)) }()
	have, err := on.Read(ctx)
	if refused := (interface{ SQLState() string })(nil); errors.As(err, &refused) {
		return nil, nil // a review does without a fix rather than without an end
	} else if err != nil {
		return nil, err
	}
	clean(have)
	l := &lifter{have: have, on: on, st: st, set: set, between: later[:slices.Index(later, until)+1]} // none if it is the statement itself
	candidates, err := l.targets(ctx)
	if err != nil {
		return nil, err
	}
	for _, keys := range candidates {
		lift, err := l.try(ctx, keys)
		if err != nil {
			return nil, err
		}
		if lift != nil {
			lift.Until = until
			return lift, nil
		}
	}
	return nil, nil
}

type lifter struct {
	have    *plan.State
	on      *state.Session
	st      *migration.Statement
	between []*migration.Statement // up to the one that creates again what st drops
	set     devdb.Settings
}

// recreated are the kinds of objects that statements drop and create again, by tag.
var recreated = map[string][]plan.Class{
	"VIEW": {plan.View}, "MATERIALIZED VIEW": {plan.MaterializedView},
	"FUNCTION": {plan.Function, plan.Aggregate}, "PROCEDURE": {plan.Procedure}, "ROUTINE": {plan.Function, plan.Procedure, plan.Aggregate}, "AGGREGATE": {plan.Aggregate},
}

// createdBy is the statement behind which all can be created again: st itself, if
// it changes an object, or the later one that creates the only object that st
// drops. nil if there is none.
func createdBy(st *migration.Statement, later []*migration.Statement) *migration.Statement {
	x := st.Syntax
	verb, kind, _ := strings.Cut(x.Tag, " ")
	switch {
	case len(x.Objects) != 1:
		return nil
	case x.Tag == "ALTER TABLE" && slices.ContainsFunc(x.Actions, func(a migration.Action) bool { return a.Kind == "ALTER COLUMN TYPE" }), verb == "CREATE" && x.OrReplace && recreated[kind] != nil:
		return st
	case verb != "DROP" || recreated[kind] == nil:
		return nil
	}
	for _, x := range later {
		if strings.HasPrefix(x.Syntax.Tag, "CREATE ") && strings.HasSuffix(x.Syntax.Tag, kind) && slices.Equal(x.Syntax.Objects, st.Syntax.Objects) {
			return x
		}
	}
	return nil
}

// targets are the objects that the statement changes, one that createdBy takes.
// Where its text leaves open which of several it means, each is a candidate.
func (l *lifter) targets(ctx context.Context) ([][]plan.Key, error) {
	x := l.st.Syntax
	if x.Tag == "ALTER TABLE" {
		return l.retyped(ctx)
	}
	_, kind, _ := strings.Cut(x.Tag, " ")
	classes := recreated[kind]
	parts, err := l.on.Parts(ctx, x.Objects[0])
	if err != nil || len(parts) == 0 {
		return nil, err
	}
	var out [][]plan.Key
	for _, k := range l.have.Keys() {
		o := l.have.Objects[k]
		name := k.Name
		if n := o.Facts["name"]; n != "" {
			name = n
		}
		if slices.Contains(classes, k.Class) && name == parts[len(parts)-1] && (len(parts) == 1 || k.Schema == parts[0]) {
			out = append(out, []plan.Key{k})
		}
	}
	return out[:min(len(out), 5)], nil
}

// retyped are the columns that ALTER TABLE gives another type.
func (l *lifter) retyped(ctx context.Context) ([][]plan.Key, error) {
	var columns []string
	for _, a := range l.st.Syntax.Actions {
		if a.Kind != "ALTER COLUMN TYPE" {
			continue
		}
		name, err := l.on.Parts(ctx, a.Name)
		if err != nil || len(name) != 1 {
			return nil, err
		}
		columns = append(columns, name[0])
	}
	table, err := l.on.Parts(ctx, l.st.Syntax.Objects[0])
	if err != nil || len(table) == 0 {
		return nil, err
	}
	var out [][]plan.Key
	for _, t := range l.have.Keys() {
		if t.Class != plan.Table || t.Name != table[len(table)-1] || len(table) > 1 && t.Schema != table[0] {
			continue
		}
		var keys []plan.Key
		for _, c := range columns {
			keys = append(keys, plan.Key{Class: plan.Column, Schema: t.Schema, Of: t.Name, Name: c})
		}
		out = append(out, keys)
	}
	return out[:min(len(out), 5)], nil
}

var cascade = regexp.MustCompile(`(?i)\s+CASCADE\s*$`)

// try runs the statement with all that depends on the keys dropped and created again.
func (l *lifter) try(ctx context.Context, keys []plan.Key) (*devdb.Lift, error) {
	drop, back, all, err := plan.Around(l.have, keys)
	var cannot *plan.CannotPlan
	if errors.As(err, &cannot) || err == nil && len(all) > mostLifted {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	isRoot := func(k plan.Key) bool { return slices.Contains(keys, k) }
	drops := strings.HasPrefix(l.st.Syntax.Tag, "DROP ")
	out := &devdb.Lift{Statement: cascade.ReplaceAllString(l.st.Text, "")}
	for _, k := range all {
		switch {
		case k.Class == plan.Column && strings.Contains("rpf", l.have.Objects[k].Facts["relation"]):
			return nil, nil // the column's values would be lost, or computed again
		case (!isRoot(k) || !drops) && !slices.ContainsFunc(all, func(of plan.Key) bool { return of.Name == k.Of && of.Schema == k.Schema && of.Of == "" }):
			out.Objects = append(out.Objects, said(k))
		}
	}
	if len(out.Objects) == 0 {
		return nil, nil
	}
	if drops {
		drop = slices.DeleteFunc(drop, func(s plan.Statement) bool { return isRoot(s.Object) })
	}
	middle := []plan.Statement{{SQL: out.Statement}}
	for _, st := range l.between {
		middle = append(middle, plan.Statement{SQL: st.Text})
	}
	// What is attached to a column that the new definition lacks cannot come back.
	for range len(back) + 1 {
		got, err := l.run(ctx, slices.Concat(drop, middle, back))
		var refused *plan.Refused
		if errors.As(err, &refused) {
			i := refused.At - len(drop) - len(middle)
			if i < 0 || back[i].Object.Class != plan.Column || refused.SQLState != "42703" {
				return nil, nil
			}
			back = slices.Delete(slices.Clone(back), i, i+1)
			continue
		} else if err != nil {
			return nil, err
		}
		if !l.cameBack(got, all, keys) {
			return nil, nil
		}
		out.Drop, out.PutBack = texts(drop), texts(back)
		return out, nil
	}
	return nil, nil
}

// said is a key for people: "policy p on public.t".
func said(k plan.Key) string {
	if k.Of == "" {
		return k.String()
	}
	return string(k.Class) + " " + k.Name + " on " + k.Schema + "." + k.Of
}

func texts(list []plan.Statement) []string {
	var out []string
	for _, s := range list {
		out = append(out, strings.TrimRight(s.SQL, "; \n"))
	}
	return out
}

// run runs statements as the migration would, and gives the state they lead to.
// The database stays as it is.
func (l *lifter) run(ctx context.Context, all []plan.Statement) (*plan.State, error) {
	var head []plan.Statement
	if l.set.SearchPath != "" {
		head = append(head, plan.Statement{SQL: "SET LOCAL search_path TO " + l.set.SearchPath})
	}
	got, err := l.on.Try(ctx, slices.Concat(head, all))
	var refused *plan.Refused
	if errors.As(err, &refused) {
		refused.At -= len(head)
	}
	if err == nil {
		clean(got)
	}
	return got, err
}

// cameBack reports whether each object that was dropped is as it was. Types of a
// view's columns, and the casts in an expression, follow what it reads; it was
// created from its own text.
func (l *lifter) cameBack(got *plan.State, all, roots []plan.Key) bool {
	for _, k := range all {
		was, is := l.have.Objects[k], got.Objects[k]
		root := slices.Contains(roots, k)
		if is == nil && k.Class == plan.Column && slices.ContainsFunc(roots, func(r plan.Key) bool { return k.Of == r.Name && k.Schema == r.Schema }) {
			continue // the new definition lacks it
		}
		if is == nil {
			return false
		}
		for _, p := range parts(was, is) {
			if attached := p == "owner" || p == "privileges" || p == "comment"; root && !attached {
				continue // that is what the statement is for
			}
			if !slices.Contains([]string{"type", "collation", "definition", "using", "check"}, p) || k.Class == plan.Table {
				return false
			}
		}
	}
	return true
}

// mostLifts bounds the statements of a review that a way is looked for.
const mostLifts = 10

// Lifts finds the Lift of each recorded statement that dependent objects block,
// or that drops them by CASCADE. base is the database before the first one.
func Lifts(ctx context.Context, s *postgres.Server, base *postgres.DB, rec *devdb.Record) error {
	f := &finder{server: s, base: base}
	var ran []*migration.Migration
	for _, m := range rec.New {
		up, err := f.file(ctx, ran, m.Migration, m.Steps)
		if err != nil {
			return err
		}
		ran = append(ran, up)
		if m.Down == nil {
			continue
		}
		if _, err := f.file(ctx, ran, m.Down.Migration, m.Down.Steps); err != nil {
			return err
		}
	}
	return nil
}

type finder struct {
	server *postgres.Server
	base   *postgres.DB
	n      int
}

// file looks at the statements of a file that runs after others. It gives what
// of the file the server takes.
func (f *finder) file(ctx context.Context, before []*migration.Migration, m *migration.Migration, steps []*devdb.Step) (*migration.Migration, error) {
	took := *m
	took.Statements = nil
	for i, st := range steps {
		if f.n < mostLifts && inTheWay(st) && createdBy(st.Stmt, stmts(steps[i+1:])) != nil {
			f.n++
			part := took // later statements come behind its end
			if err := f.lift(ctx, append(slices.Clone(before), &part), steps[i:]); err != nil {
				return nil, err
			}
		}
		if st.Err == nil {
			took.Statements = append(took.Statements, st.Stmt)
		}
	}
	return &took, nil
}

// inTheWay reports whether a statement meets objects that depend on what it changes.
func inTheWay(st *devdb.Step) bool {
	if st.Err != nil {
		return st.Err.Follows == nil && slices.Contains([]string{"2BP01", "0A000", "42P16", "42P13"}, st.Err.Code)
	}
	return st.Stmt.Syntax.Cascade && slices.ContainsFunc(st.Dropped, func(d devdb.Dropped) bool { return d.Normal && !d.Original })
}

// lift looks for the Lift of the first of the steps on a copy of the base that the
// migrations before it have run on.
func (f *finder) lift(ctx context.Context, before []*migration.Migration, steps []*devdb.Step) (err error) {
	d, err := f.server.Clone(ctx, f.base)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	var refused *devdb.StatementError
	if err := run(ctx, d, before...); errors.As(err, &refused) {
		return nil // what is recorded of one statement alone cannot be repeated in a row
	} else if err != nil {
		return err
	}
	steps[0].Lift, err = Lift(ctx, d, steps[0].Stmt, stmts(steps[1:]), steps[0].Settings)
	return err
}

func stmts(steps []*devdb.Step) []*migration.Statement {
	var out []*migration.Statement
	for _, s := range steps {
		out = append(out, s.Stmt)
	}
	return out
}
