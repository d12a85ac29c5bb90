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

// Fixing tries fixes before anybody is offered one.
type Fixing struct {
	// Offer gives the fix of a finding, nil if there is none.
	Offer func(*devdb.Record, *lint.Finding) *lint.Fix
	// Replay runs the new migrations with the fixes applied and judges them. An
	// error is Unfit if they cannot be run at all, else the run's own.
	Replay func(context.Context, []*lint.Fix) (*devdb.Record, []*lint.Finding, error)
	// Same compares what both do to rows; nil compares no rows.
	Same *Equivalence
	// Once reports whether a rule is reported at the first place of a change
	// only: a fix of that place shows the next. nil: no rule is.
	Once func(id string) bool
	// Most is how many are tried at most.
	Most int
}

// Unfit says that files with a fix applied cannot be read: it is no fix.
type Unfit struct{ Err error }

// Unwrap gives the reason.
func (u Unfit) Unwrap() error { return u.Err }

func (u Unfit) Error() string { return u.Err.Error() }

// Offers attaches to the findings of res those fixes that hold: with one
// applied the migrations end in the same catalog and the same rows, show
// running code nothing else on the way, lose no statement and no finding about
// data, the finding is gone and nothing new is found. It gives the findings
// whose fix was tried in vain, with the reason, for whoever wants to know.
func Offers(ctx context.Context, rec *devdb.Record, res *lint.Result, fixing Fixing) (map[*lint.Finding]string, error) {
	vain := map[*lint.Finding]string{}
	tried := 0
	for _, f := range res.Findings {
		if f.Sensitive {
			continue
		}
		fix := fixing.Offer(rec, f)
		if fix == nil {
			continue
		}
		if tried++; tried > fixing.Most {
			break
		}
		if s := statementOf(rec, f); s != nil && len(s.Text) > longestTried {
			vain[f] = fmt.Sprintf("no fix is tried for statements of more than %d bytes", longestTried)
			continue
		}
		why, err := fixing.Holds(ctx, rec, res.Findings, []*lint.Fix{fix}, []*lint.Finding{f})
		if err != nil {
			return vain, err
		}
		if why != "" {
			vain[f] = why
			continue
		}
		f.Fix = fix
	}
	return vain, nil
}

// longestTried bounds the statements that fixes are tried for, in bytes: a trial
// runs them several times, and an expression of this length takes minutes.
const longestTried = 100_000

// Holds tries fixes together; it gives the reason why they do not hold, or "".
func (x Fixing) Holds(ctx context.Context, rec *devdb.Record, was []*lint.Finding, fixes []*lint.Fix, gone []*lint.Finding) (string, error) {
	after, found, err := x.Replay(ctx, fixes)
	var unfit Unfit
	if errors.As(err, &unfit) {
		return unfit.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("trying the fix of %s at %s:%d: %w", gone[0].ID, gone[0].Path, gone[0].Line, err)
	}
	if why := x.Compare(rec, after, was, found, gone, fixes...); why != "" || x.Same == nil {
		return why, nil
	}
	if restores(fixes) && refused(rec, gone) {
		return "", nil // the recorded migrations come to no rows that could be compared
	}
	return x.Same.Differs(ctx, rec, after)
}

// restores reports whether one of the fixes brings back what its statement drops.
func restores(fixes []*lint.Fix) bool {
	return slices.ContainsFunc(fixes, func(f *lint.Fix) bool { return f != nil && f.Restores })
}

// refused reports whether the server refuses one of the statements of the
// findings, of a down migration too.
func refused(r *devdb.Record, all []*lint.Finding) bool {
	return slices.ContainsFunc(all, func(f *lint.Finding) bool {
		s := stepOf(r, f)
		return s != nil && s.Err != nil || s == nil && f.Path != "" && f.Path == downPath(r, f)
	})
}

// downPath is the file of the down migration of the finding's migration, empty if it has none.
func downPath(r *devdb.Record, f *lint.Finding) string {
	if f.Migration < 0 || f.Migration >= len(r.New) || r.New[f.Migration].Migration.Down == nil {
		return ""
	}
	return r.New[f.Migration].Migration.Down.Path
}

// Compare says why a changed migration is no fix of the one that was judged:
// another catalog at the end, a state in between that running code would
// notice, a statement that is lost, a finding that is still there or new, one
// about data that is out of sight. Empty if it is one. With a fix that restores
// what its statement drops or fails on, the catalog at the end has that, too.
func (x Fixing) Compare(before, after *devdb.Record, was, now, gone []*lint.Finding, fixes ...*lint.Fix) string {
	if restores(fixes) {
		if d := notRestored(before, after); d != "" {
			return d
		}
		now = besides(before, after, now, gone)
	} else if d := schema.Differences(before.After, after.After); len(d) > 0 {
		return fmt.Sprintf("the schema ends up different: %s", d[0])
	}
	about := map[*migration.Statement]bool{}
	for _, f := range gone {
		if st := statementOf(before, f); st != nil {
			about[st] = true
		}
	}
	if d := lost(before, after, about); d != "" {
		return d
	}
	if d := x.found(was, now, gone); d != "" {
		return d
	}
	return exposes(before, after, restores(fixes))
}

// notRestored names what is no longer there after the changed migrations, and that
// the recorded ones keep or drop by CASCADE alone.
func notRestored(before, after *devdb.Record) string {
	meant := map[string]bool{}
	for _, c := range schema.Residue(before.Before, before.After) {
		meant[schema.Describe(c)] = true
	}
	for _, m := range before.New {
		for _, s := range m.Steps {
			for _, c := range s.Changes {
				ref, ok := schema.DroppedRef(c)
				if ok && s.Lift != nil && slices.ContainsFunc(s.Dropped, func(d devdb.Dropped) bool { return d.Ref == ref && !d.Original }) {
					delete(meant, schema.Describe(c))
				}
			}
		}
	}
	type name struct{ kind, schema, name string }
	all, there := schema.Residue(before.Before, after.After), map[name]bool{}
	for _, c := range all {
		if h := c.Head(); h.Op == schema.Add { // what it reads has another type
			there[name{h.Kind, h.Schema, h.Name}] = true
		}
	}
	for _, c := range all {
		if h := c.Head(); h.Op == schema.Drop && !meant[schema.Describe(c)] && !there[name{h.Kind, h.Schema, h.Name}] {
			return "lost at the end: " + schema.Describe(c)
		}
	}
	return ""
}

// besides are the findings that may not come with a fix of statements that fail:
// those about data and failures. That the statements, which run now, take locks
// and what else they do is no fault of the fix; nor is their down migration,
// which nobody could run before.
func besides(before, after *devdb.Record, now, gone []*lint.Finding) []*lint.Finding {
	if !refused(before, gone) {
		return now
	}
	runs, downs := map[string]bool{}, map[string]bool{}
	for _, f := range gone {
		downs[downPath(before, f)] = true
	}
	for _, m := range before.New {
		for _, s := range m.Steps {
			if s.Err != nil {
				runs[plain(s.Stmt.Text)] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(now), func(f *lint.Finding) bool {
		s := stepOf(after, f)
		return !ofData(f) || downs[f.Path] || s != nil && s.Err == nil && runs[plain(s.Stmt.Text)]
	})
}

func statementOf(r *devdb.Record, f *lint.Finding) *migration.Statement {
	if s := stepOf(r, f); s != nil {
		return s.Stmt
	}
	return nil
}

func stepOf(r *devdb.Record, f *lint.Finding) *devdb.Step {
	if f.Migration < 0 || f.Migration >= len(r.New) || f.Statement < 0 || f.Statement >= len(r.New[f.Migration].Steps) {
		return nil
	}
	return r.New[f.Migration].Steps[f.Statement]
}

// found compares findings.
func (x Fixing) found(was, now, gone []*lint.Finding) string {
	type cause struct{ id, object string }
	count, total := map[cause]int{}, map[string]int{}
	for _, f := range was {
		count[cause{f.ID, f.Object}]++
		total[f.ID]++
	}
	for _, f := range gone {
		count[cause{f.ID, f.Object}]--
		total[f.ID]--
	}
	var fresh []*lint.Finding
	for _, f := range now {
		c := cause{f.ID, f.Object}
		if count[c] > 0 {
			count[c]--
			total[f.ID]--
			continue
		}
		fresh = append(fresh, f)
	}
	var away []*lint.Finding // of what is no longer there, what must be
	for _, f := range was {
		if c := (cause{f.ID, f.Object}); count[c] > 0 && !slices.Contains(gone, f) {
			count[c]--
			if ofData(f) {
				away = append(away, f)
			}
		}
	}
	for _, f := range fresh {
		if total[f.ID] > 0 && x.Once != nil && x.Once(f.ID) {
			total[f.ID]--
			continue
		}
		i := slices.IndexFunc(away, func(a *lint.Finding) bool { return saysToo(f, a) })
		if i < 0 {
			return fmt.Sprintf("%s is found at %s:%d: %s", f.ID, f.Path, f.Line, f.Message)
		}
		away = slices.Delete(away, i, i+1)
	}
	if len(away) > 0 {
		f := away[0]
		return fmt.Sprintf("%s at %s:%d would no longer be reported: %s", f.ID, f.Path, f.Line, f.Message)
	}
	return ""
}

// ofData reports whether a finding is about more than who waits for whom: that
// may not go away with a fix of something else.
func ofData(f *lint.Finding) bool {
	return f.Confidence == lint.Proven || slices.ContainsFunc(f.Evidence, func(e lint.Evidence) bool {
		return e.Kind == "counterexample" || e.Kind == "error" || e.Kind == "dropped"
	})
}

// saysToo reports whether a finding says of the same table what another one
// said before the fix: that rows of it are refused.
func saysToo(n, f *lint.Finding) bool {
	return ofData(n) && tableOf(n.Object) == tableOf(f.Object) && n.Severity.Rank() >= f.Severity.Rank()
}

// tableOf is the schema and table of "public.orders.total".
func tableOf(object string) string {
	parts := strings.SplitN(object, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}
