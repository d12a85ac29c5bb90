package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/fixture"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

// Recorder runs a case's migrations on a fresh database that base (which may
// be nil) has been replayed on, and gives what the built-in checks find, for
// input.findings.
type Recorder func(ctx context.Context, base *migration.Migration, dir *migration.Dir) (*devdb.Record, []*lint.Finding, error)

// CaseResult is what became of one case of a fixture.
type CaseResult struct {
	File     string // policies/orders.txtar
	Case     string // bad, good, test/renamed
	Skipped  string // why it was not run
	Failures []string
	Findings []*lint.Finding

	rules  []string // that the fixture is about
	speaks []string // those of them that found something
}

// Fixtures lists the fixture files of the loaded sources, the shipped library's
// only with ours.
func (p *Policies) fixtures(ours bool) ([]*fixtureFile, error) {
	var out []*fixtureFile
	for _, t := range p.sources {
		if t.ours != ours {
			continue
		}
		for _, name := range t.cases {
			text, err := fs.ReadFile(t.fsys, name)
			if err != nil {
				return nil, fmt.Errorf("reading fixtures: %w", err)
			}
			f, err := fixture.Parse(t.name+name, text)
			if err != nil {
				return nil, err
			}
			out = append(out, &fixtureFile{f, p.rulesBeside(t.name + name), ours})
		}
	}
	return out, nil
}

type fixtureFile struct {
	*fixture.Fixture
	// rules are those that the fixture is about; empty: all.
	rules []string
	ours  bool // of the shipped library
}

// rulesBeside are the ids of the rules in the .rego file of the fixture's name.
func (p *Policies) rulesBeside(file string) []string {
	var out []string
	rego := strings.TrimSuffix(file, ".txtar") + ".rego"
	for _, r := range p.Rules {
		if r.File == rego {
			out = append(out, r.ID)
		}
	}
	return out
}

// runCase records and judges one case: it has exactly the wanted findings of
// the rules that it is about, and none of those that it names for that. A good
// case of a fixture that says so has none of any rule.
func (p *Policies) runCase(ctx context.Context, record Recorder, f *fixtureFile, c *fixture.Case) (*CaseResult, error) {
	out := &CaseResult{File: f.Name, Case: c.Name}
	base, err := f.BaseMigration()
	if err != nil {
		return nil, err
	}
	dir, err := c.Load()
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", f.Name, c.Name, err)
	}
	rec, found, err := record(ctx, base, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", f.Name, c.Name, err)
	}
	if major := rec.Version.Major(); !c.Runs(major) {
		out.Skipped = fmt.Sprintf("not for PostgreSQL %d", major)
		return out, nil
	}
	for _, m := range rec.New {
		// What a bad example does may be refused, too: the finding is wanted all the same.
		if m.Err != nil && (c.Good() || !wantsAt(c, m.Err.Statement.Pos)) {
			out.Failures = append(out.Failures, m.Err.Error())
		}
	}
	v, err := p.judgeWith(ctx, rec, found, overrides(c), func(r *Rule) bool {
		return f.all(c) || slices.Contains(f.rules, r.ID) || slices.ContainsFunc(c.Wants, func(w fixture.Want) bool { return w.ID == r.ID || w.ID == r.Name })
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", f.Name, c.Name, err)
	}
	out.Findings = v.found
	for _, x := range v.failed {
		out.Failures = append(out.Failures, x.Error())
	}
	out.Failures = append(out.Failures, c.Compare(v.found)...)
	for _, id := range f.rules {
		if slices.ContainsFunc(v.found, func(x *lint.Finding) bool { return x.ID == id }) {
			out.speaks = append(out.speaks, id)
		}
	}
	out.rules = f.rules
	return out, nil
}

var allRules = regexp.MustCompile(`(?m)^-- judge all rules\s*$`)

// all reports whether a case is held against every rule: if no rule has the
// fixture's name, and for good cases if the fixture says so or is the library's.
func (f *fixtureFile) all(c *fixture.Case) bool {
	if len(f.rules) == 0 {
		return true
	}
	if !c.Good() {
		return false
	}
	for _, text := range c.Files {
		if allRules.MatchString(text) {
			return true
		}
	}
	return f.ours || allRules.MatchString(f.Base)
}

func wantsAt(c *fixture.Case, pos migration.Position) bool {
	return slices.ContainsFunc(c.Wants, func(w fixture.Want) bool { return w.Path == pos.Path && w.Line == pos.Line })
}

// override sets a part of the document for one case: what is not in SQL.
type override struct{ path, value string }

var withLine = regexp.MustCompile(`(?m)^-- with (input(?:\.[A-Za-z0-9_-]+)+|time) as (.+)$`)

// overrides reads lines like: -- with input.context.labels as ["urgent"]
func overrides(c *fixture.Case) []override {
	var out []override
	for _, text := range c.Files {
		for _, m := range withLine.FindAllStringSubmatch(text, -1) {
			out = append(out, override{m[1], strings.TrimSpace(m[2])})
		}
	}
	return out
}

func (p *Policies) judgeWith(ctx context.Context, rec *devdb.Record, found []*lint.Finding, set []override, about func(*Rule) bool) (*verdict, error) {
	b := newBuilder()
	known := &Input{Stats: &Stats{}}
	for _, o := range set {
		if strings.HasPrefix(o.path, "input.stats.") { // tables and indexes have their sizes from it
			if err := put(reflect.ValueOf(known).Elem(), strings.Split(o.path, ".")[1:], o.value); err != nil {
				return nil, fmt.Errorf("-- with %s as %s: %w", o.path, o.value, err)
			}
		}
	}
	f := p.Facts(rec, found, Context{}, known.Stats)
	whole, each := b.input(f, rec.New), b.perMigration(f)
	q := *p
	q.Rules = slices.DeleteFunc(slices.Clone(p.Rules), func(r *Rule) bool { return !about(r) })
	if err := q.prepare(ctx); err != nil {
		return nil, err
	}
	for _, in := range append([]*Input{whole}, each...) {
		for _, o := range set {
			if o.path == "time" {
				t, err := time.Parse(`"`+time.RFC3339+`"`, o.value)
				if err != nil {
					return nil, fmt.Errorf("-- with time as %s: %w", o.value, err)
				}
				q.opts.Now = t
				continue
			}
			if err := p.override(in, o); err != nil {
				return nil, fmt.Errorf("-- with %s as %s: %w", o.path, o.value, err)
			}
		}
	}
	return q.evaluate(ctx, whole, each, "")
}

func (p *Policies) override(in *Input, o override) error {
	parts := strings.Split(o.path, ".")[1:]
	if parts[0] == "params" && len(parts) == 3 {
		return p.overrideParam(in, parts[1], parts[2], o.value)
	}
	if err := put(reflect.ValueOf(in).Elem(), parts, o.value); err != nil {
		return err
	}
	in.Context = contextOf(*in.Context)
	return nil
}

// put puts a value in the place that the path names, which is a field or the
// number of an item. What other documents share is copied first.
func put(at reflect.Value, path []string, value string) error {
	if at.Kind() == reflect.Pointer && len(path) > 0 {
		fresh := reflect.New(at.Type().Elem())
		if !at.IsNil() {
			fresh.Elem().Set(at.Elem())
		}
		at.Set(fresh)
		return put(fresh.Elem(), path, value)
	}
	switch {
	case len(path) == 0:
		fresh := reflect.New(at.Type())
		dec := json.NewDecoder(strings.NewReader(value))
		dec.DisallowUnknownFields()
		if err := dec.Decode(fresh.Interface()); err != nil {
			if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
				return fmt.Errorf("the document has no field %s", name)
			}
			return err
		}
		at.Set(fresh.Elem())
		return nil
	case at.Kind() == reflect.Slice:
		n, err := strconv.Atoi(path[0])
		if err != nil || n < 0 || n >= at.Len() {
			return fmt.Errorf("there is no item %s: the list has %d", path[0], at.Len())
		}
		list := reflect.MakeSlice(at.Type(), at.Len(), at.Len())
		reflect.Copy(list, at)
		at.Set(list)
		return put(list.Index(n), path[1:], value)
	case at.Kind() == reflect.Struct:
		for _, f := range reflect.VisibleFields(at.Type()) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == path[0] {
				return put(at.FieldByIndex(f.Index), path[1:], value)
			}
		}
	}
	return fmt.Errorf("the document has no field %q", path[0])
}

func (p *Policies) overrideParam(in *Input, id, name, value string) error {
	i := slices.IndexFunc(p.Rules, func(r *Rule) bool { return r.ID == id })
	if i < 0 {
		return fmt.Errorf("no rule %s is loaded", id)
	}
	var v any
	if err := json.Unmarshal([]byte(value), &v); err != nil {
		return err
	}
	set := map[string]any{}
	if old, ok := in.Params[id].(map[string]any); ok {
		for k, x := range old {
			set[k] = x
		}
	}
	set[name] = v
	all, err := p.Rules[i].values(set, nil)
	in.Params[id] = all
	return err
}

// name is the fixture's file name without directory and extension.
func (f *fixtureFile) name() string { return strings.TrimSuffix(path.Base(f.Name), ".txtar") }
