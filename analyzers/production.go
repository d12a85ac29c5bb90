package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
	"github.com/assaydb/assay/internal/stats"
)

// countedFor is how many days scans must have been counted for "none" to mean
// anything: a job of the week has then run once.
const countedFor = 7

// waitWorth is the age in seconds from which an open transaction is one that a
// lock may have to wait for.
const waitWorth = 60

// known adds to a finding what production's statistics say beside sizes: how
// long a lock may wait, and whether an index that goes was of use.
func (z Sizes) known(r *devdb.Record, f *lint.Finding) {
	switch f.ID {
	case "LK301", "LK302":
		if n := r.Stats.LongestTransaction; n >= waitWorth {
			// Before the further statements, of which the terminal leaves some out.
			f.Evidence = slices.Insert(f.Evidence, min(2, len(f.Evidence)), lint.Evidence{
				Kind: "statistics",
				Text: fmt.Sprintf("a transaction had been open for %s as of %s: the lock request waits for such a transaction, and everybody else waits behind it", stats.Duration(n), r.Stats.Taken),
			})
		}
	case "LK102", "OB107":
		z.unused(r, f)
	}
	if f.ID == "OB107" {
		for _, x := range involved(r, f) {
			if x.rows >= z.Large && f.Severity == lint.Info {
				f.Severity = lint.Warning
				f.Message += " (" + x.text() + ")"
			}
		}
	}
}

// unused says that production never used a dropped index. A foreign key that
// loses it is then told more mildly: its checks did not use it either. The lock
// of the drop is what it is.
func (z Sizes) unused(r *devdb.Record, f *lint.Finding) {
	s := stepOf(r, f)
	if s == nil {
		return
	}
	var ev []lint.Evidence
	for _, c := range Changes[*schema.DropIndex](s) {
		t, i := indexStats(r, c.Index)
		if i == nil || i.Scans > 0 || r.Stats.Counted() < countedFor {
			return
		}
		ev = append(ev, lint.Evidence{
			Kind: "statistics", Object: qualified(c.Index.Schema, c.Index.Name),
			Text: fmt.Sprintf("%s of %s was never used in %d days as of %s", i.Name, t.Name, r.Stats.Counted(), r.Stats.Taken),
		})
	}
	f.Evidence = append(f.Evidence, ev...)
	if len(ev) > 0 && f.ID == "OB107" {
		f.Severity = milder(f.Severity)
	}
}

func stepOf(r *devdb.Record, f *lint.Finding) *devdb.Step {
	if f.Migration < 0 || f.Migration >= len(r.New) || f.Statement < 0 || f.Statement >= len(r.New[f.Migration].Steps) {
		return nil
	}
	return r.New[f.Migration].Steps[f.Statement]
}

// indexStats is what production says of an index, under the names of before the change.
func indexStats(r *devdb.Record, i *schema.Index) (*stats.Table, *stats.Index) {
	old := r.Before.Indexes[i.OID]
	rel := r.Before.Relations[i.Table]
	if old == nil || rel == nil {
		return nil, nil
	}
	t := r.Stats.Table(rel.Schema, rel.Name)
	if t == nil {
		return nil, nil
	}
	return t, t.Index(old.Name)
}

var usedIndex = &Analyzer{
	Rule: lint.Rule{
		ID: "OB119", Name: "drop-used-index", Title: "dropping an index that production uses", Severity: lint.Warning,
	},
	Run: func(p *Pass) {
		if p.Stats == nil {
			return
		}
		for at, c := range Each[*schema.DropIndex](p) {
			t, i := indexStats(p.Record, c.Index)
			rel := p.After.Relations[c.Index.Table]
			if i == nil || i.Scans == 0 || p.Stats.Server.Replica || rel == nil || p.servedOtherwise(c.Index) {
				continue
			}
			days, since := "", "since an unknown day"
			if n := p.Stats.Counted(); n > 0 {
				days, since = fmt.Sprintf(" in %d days", n), "from "+p.Stats.CountersSince
			}
			name, table := qualified(c.Index.Schema, c.Index.Name), rel.QualifiedName()
			p.Report(at, lint.Finding{
				Object: name,
				Message: fmt.Sprintf("drops index %s, which production used %s times%s: queries that need it then scan all of %s (%s)",
					quote(name), stats.Count(i.Scans), days, quote(table), t.Size()),
				Evidence: []lint.Evidence{{
					Kind: "statistics", Object: name,
					Text: fmt.Sprintf("%s: %s, %s scans %s to %s", i.Name, stats.Bytes(i.Bytes), stats.Count(i.Scans), since, p.Stats.Taken),
				}},
				Advice: "Before you drop it, find the queries that use it, with EXPLAIN or pg_stat_statements; or drop other indexes that serve the same queries.",
			})
		}
	},
}

// servedOtherwise reports whether after the whole change a valid index begins
// with all the keys of one that is dropped, for all rows or the same ones.
func (p *Pass) servedOtherwise(i *schema.Index) bool {
	for _, o := range p.After.Indexes {
		if o.OID == i.OID || o.Table != i.Table || !o.Valid || o.Method != i.Method || o.Predicate != "" && o.Predicate != i.Predicate || len(o.Keys) < len(i.Keys) {
			continue
		}
		if slices.EqualFunc(o.Keys[:len(i.Keys)], i.Keys, func(a, b schema.IndexKey) bool { return a.Text == b.Text }) {
			return true
		}
	}
	return false
}
