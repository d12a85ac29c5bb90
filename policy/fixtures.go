package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
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
			out = append(out, &fixtureFile{f, p.rulesBeside(t.name + name)})
		}
	}
	return out, nil
}

type fixtureFile struct {
	*fixture.Fixture
	// rules are those that the fixture is about; empty: all.
	rules []string
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

// run records and judges one case. A bad one or a test has exactly the wanted
// findings of the rules it is about; a good one has none of any rule.
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
	if out.Findings, err = p.judgeWith(ctx, rec, found, overrides(c)); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", f.Name, c.Name, err)
	}
	about := out.Findings
	if !c.Good() && len(f.rules) > 0 {
		about = nil
		for _, x := range out.Findings {
			wanted := slices.ContainsFunc(c.Wants, func(w fixture.Want) bool { return w.ID == x.ID })
			if wanted || slices.Contains(f.rules, x.ID) {
				about = append(about, x)
			}
		}
	}
	out.Failures = append(out.Failures, c.Compare(about)...)
	return out, nil
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

func (p *Policies) judgeWith(ctx context.Context, rec *devdb.Record, found []*lint.Finding, set []override) ([]*lint.Finding, error) {
	b := newBuilder()
	f := p.Facts(rec, found, Context{}, nil)
	whole, each := b.input(f, rec.New), b.perMigration(f)
	q := *p
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
	v, err := q.evaluate(ctx, whole, each, "")
	if err != nil {
		return nil, err
	}
	return v.found, v.err()
}

func (p *Policies) override(in *Input, o override) error {
	parts := strings.Split(o.path, ".")[1:]
	if parts[0] == "params" && len(parts) == 3 {
		return p.overrideParam(in, parts[1], parts[2], o.value)
	}
	text := o.value
	for _, part := range slices.Backward(parts) {
		text = fmt.Sprintf("{%q: %s}", part, text)
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(in); err != nil {
		name, unknown := strings.CutPrefix(err.Error(), "json: unknown field ")
		if unknown {
			return fmt.Errorf("the document has no field %s", name)
		}
		return err
	}
	return nil
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
