// Package pipeline runs a review: it records the new migrations on a database
// that the merged ones have been replayed on, lets the judges judge the record,
// and applies severities, ignores and the baseline.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// Judge turns a record into findings. Judges run in order; each is given what
// the earlier ones found.
type Judge interface {
	Judge(ctx context.Context, r *devdb.Record, earlier []*lint.Finding) ([]*lint.Finding, error)
}

// Input is all that a run needs.
type Input struct {
	Tool    lint.Tool
	Against string        // what is linted against what, for the report's header
	Record  *devdb.Record // Dir, Base, New (without steps), Edited, Version, Config
	Judges  []Judge
	Rules   []lint.Rule // of every judge, and of the pipeline itself

	// Override gives the configured severity of a finding and where it is
	// configured; false leaves the check's own. nil overrides nothing.
	Override func(*lint.Finding) (severity lint.Severity, where string, ok bool)
	// Ignored gives the reason and place of a configured ignore. nil ignores nothing.
	Ignored func(*lint.Finding) (reason, where string, ok bool)
	// Baseline reports whether a finding is frozen. nil freezes nothing.
	Baseline func(*lint.Finding) bool
	// Resolve gives the ids that a name in an ignore stands for, as tool writes it.
	Resolve func(tool, name string) []string
	// Enforced says how firmly a finding holds. nil: nothing is enforced.
	Enforced func(*lint.Finding) Enforcement
	// Attempts are the places where the change's own files would weaken an
	// enforced finding. nil: they are not looked for.
	Attempts func(*lint.Finding) []Attempt
	Notices  []lint.Notice
	Timing   bool // keep durations
	// Change: the new migrations are what somebody's change adds, comments and all.
	Change bool
	// Untrusted: the author of the change is not to decide what counts.
	Untrusted bool
	// Stubs are what stood for extensions that the dev server lacks.
	Stubs Provided
}

// Run judges in.Record and gives the sorted result.
func Run(ctx context.Context, in Input) (*lint.Result, error) {
	findings, err := judge(ctx, in)
	if err != nil {
		return nil, err
	}
	return assemble(in, findings), nil
}

// RecordAll records the new migrations of r, in order, on a database that
// r.Base has been replayed on, and fills in steps and catalogs. The error is
// the run's own failure; statement fails is in the record.
func RecordAll(ctx context.Context, db devdb.DB, r *devdb.Record) error {
	var err error
	if r.Before, err = db.Catalog(ctx); err != nil {
		return fmt.Errorf("reading the catalog after the base: %w", err)
	}
	if h, ok := db.(devdb.RowHolder); ok {
		if r.Filled, err = h.Filled(ctx); err != nil {
			return err
		}
	}
	if k, ok := db.(devdb.SessionKeeper); ok {
		k.KeepSession(!r.Apart)
		defer k.KeepSession(false) // down migrations run in a session of their own
	}
	for _, m := range r.New {
		steps, err := db.Record(ctx, m.Migration)
		m.Steps, m.Err = steps, nil
		var refused *devdb.StatementError
		if errors.As(err, &refused) {
			m.Err = refused
			continue
		}
		if err != nil {
			return fmt.Errorf("recording %s: %w", m.Path, err)
		}
	}
	if err := finish(ctx, db, r.New); err != nil {
		return err
	}
	if r.After, err = db.Catalog(ctx); err != nil {
		return fmt.Errorf("reading the catalog after the new migrations: %w", err)
	}
	follow(r.New)
	return checkRoutines(ctx, db, r)
}

// checkRoutines asks about the routines that the new migrations make or may have broken.
func checkRoutines(ctx context.Context, db devdb.DB, r *devdb.Record) error {
	c, ok := db.(devdb.RoutineChecker)
	if !ok || r.Before == r.After {
		return nil
	}
	var names []string
	for _, m := range r.New {
		for _, s := range m.Steps {
			for _, change := range s.Changes {
				if name, _, ok := schema.Gone(change); ok && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	var err error
	if r.Broken, err = c.Broken(ctx, r.Before, r.After, names); err != nil {
		return fmt.Errorf("checking the bodies of routines: %w", err)
	}
	if r.NeedPath, err = c.NeedPath(ctx, storedCalls(r.Before, r.After)); err != nil {
		return fmt.Errorf("checking the bodies of routines with an empty search_path: %w", err)
	}
	return nil
}

// finish commits the transaction that the tool runs all migrations in. A
// refused commit is told at the last statement, as nothing in the files is
// written for it.
func finish(ctx context.Context, db devdb.DB, all []*devdb.Recorded) error {
	err := db.Finish(ctx)
	var refused *devdb.StatementError
	if !errors.As(err, &refused) {
		if err != nil {
			return fmt.Errorf("committing the migrations: %w", err)
		}
		return nil
	}
	for _, m := range slices.Backward(all) {
		for _, s := range slices.Backward(m.Steps) {
			if s.Stmt == refused.Statement && m.Err == nil {
				refused.Step, s.Err, m.Err = s, refused, refused
				return nil
			}
		}
	}
	return fmt.Errorf("committing the migrations: %w", refused)
}

// Replay applies the merged migrations.
func Replay(ctx context.Context, db devdb.DB, base []*migration.Migration) error {
	for _, m := range base {
		if err := db.Replay(ctx, m); err != nil {
			return err
		}
	}
	return db.Finish(ctx)
}

func judge(ctx context.Context, in Input) ([]*lint.Finding, error) {
	var out []*lint.Finding
	for _, j := range in.Judges {
		found, err := j.Judge(ctx, in.Record, out)
		if err != nil {
			return nil, fmt.Errorf("judging: %w", err)
		}
		out = append(out, found...)
	}
	return out, nil
}

// assemble turns findings into a result: places, ignores, severities, order.
func assemble(in Input, findings []*lint.Finding) *lint.Result {
	r := in.Record
	res := &lint.Result{
		Version: lint.FormatVersion, Tool: in.Tool, Against: in.Against, Base: len(r.Base),
		Database: lint.Database{Version: r.Version.Text, Source: r.Version.Source},
		Findings: []*lint.Finding{}, Suppressed: []*lint.Suppressed{}, Migrations: []*lint.Migration{},
		Notices: slices.Concat(in.Notices, unjudgedNotices(r), hangs(r)),
	}
	if r.Dir != nil {
		res.Dir, res.Format = r.Dir.Path, string(r.Dir.Format)
	}
	for _, m := range r.New {
		res.Migrations = append(res.Migrations, wireMigration(r, m, in.Timing))
	}
	res.Diagram = diagram(r)
	rules := map[string]lint.Rule{}
	for _, rule := range in.Rules {
		rules[rule.ID] = rule
	}
	for _, f := range findings {
		f.Sensitive = f.Sensitive || sensitive(r, f)
		if f.URL == "" {
			f.URL = rules[f.ID].URL
		}
	}
	in.Stubs.say(r, findings)
	findings = override(in, findings)
	held := enforce(in, findings)
	ig := newIgnores(in)
	ignored := map[*lint.Finding]migration.Directive{}
	var resisted, firm []*lint.Finding
	for _, f := range findings {
		e := held[f]
		firmly := e.Level != "" && e.Level != lint.Advisory
		if firmly {
			firm = append(firm, f)
		}
		if d, ok := ig.match(f); ok && firmly {
			resisted = append(resisted, resist(f, e, d, rules[lint.WeakenedRule.ID]))
		} else if ok {
			ignored[f] = d
		}
	}
	findings = append(findings, override(in, slices.Concat(ig.findings(rules), resisted))...)
	res.Findings = findings
	lint.Fingerprints(res) // before anything is left out: the baseline goes by them
	res.Findings = []*lint.Finding{}
	for _, f := range findings {
		suppress(in, ignored, res, f)
	}
	res.Findings = append(res.Findings, override(in, attempts(in, firm, rules[lint.WeakenedRule.ID]))...)
	res.Findings = Uncovered(r, in.Rules, res.Findings)
	lint.Sort(res)
	lint.Fingerprints(res)
	lint.Summarize(res)
	res.Rules = usedRules(in.Rules, res)
	return lint.Redacted(res)
}

// hangs says once which rows did not come back.
func hangs(r *devdb.Record) []lint.Notice {
	var first *devdb.Step
	n := 0
	why := ""
	for _, m := range r.New {
		for _, s := range m.Steps {
			i := slices.IndexFunc(s.Proofs, func(p devdb.Proof) bool { return p.Hung })
			if i < 0 {
				continue
			}
			if n++; first == nil {
				first, why = s, s.Proofs[i].Why
			}
		}
	}
	if first == nil {
		return nil
	}
	more := ""
	if n > 1 {
		more = fmt.Sprintf(", and for %d more statements", n-1)
	}
	return []lint.Notice{{Path: first.Stmt.Pos.Path, Line: first.Stmt.Pos.Line, Text: why + more +
		"; findings about rows have the severity there that they have when rows break the demand"}}
}

// usedRules are the rules that the report speaks of.
func usedRules(rules []lint.Rule, res *lint.Result) []lint.RuleInfo {
	used := map[string]bool{}
	for _, f := range res.Findings {
		used[f.ID] = true
	}
	for _, f := range res.Suppressed {
		used[f.ID] = true
	}
	var out []lint.RuleInfo
	for _, rule := range rules {
		if used[rule.ID] {
			out = append(out, lint.RuleInfo{ID: rule.ID, Name: rule.Name, Title: rule.Title, Severity: rule.Severity, URL: rule.URL, Help: rule.Help})
		}
	}
	slices.SortFunc(out, func(a, b lint.RuleInfo) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// override gives findings their configured severity and leaves out those that are off.
func override(in Input, findings []*lint.Finding) []*lint.Finding {
	return slices.DeleteFunc(findings, func(f *lint.Finding) bool {
		if in.Override != nil {
			if sev, _, ok := in.Override(f); ok {
				f.Severity, f.SizeUnknown = sev, false // the configuration says how severe it is
			}
		}
		return f.Severity == lint.Off
	})
}

// suppress puts a finding where it belongs: among those that count, or among
// the suppressed with the reason.
func suppress(in Input, ignored map[*lint.Finding]migration.Directive, res *lint.Result, f *lint.Finding) {
	out := func(by, reason, where string) *lint.Suppressed {
		s := &lint.Suppressed{Finding: f, By: by, Reason: reason, Where: where}
		res.Suppressed = append(res.Suppressed, s)
		return s
	}
	if d, ok := ignored[f]; ok {
		s := out("directive", d.Reason, fmt.Sprintf("%s:%d", d.Pos.Path, d.Pos.Line))
		s.OwnChange, s.Counts = in.Change, in.Change && in.Untrusted
		return
	}
	if in.Ignored != nil {
		if reason, where, ok := in.Ignored(f); ok {
			out("config", reason, where)
			return
		}
	}
	if in.Baseline != nil && in.Baseline(f) {
		out("baseline", "", "")
		return
	}
	res.Findings = append(res.Findings, f)
}
