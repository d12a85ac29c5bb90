package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
	"github.com/assaydb/assay/internal/stats"
)

// Sizes says which tables count as small and as large, in rows.
type Sizes struct{ Small, Large int64 }

// sized lets the severity of findings follow the size of the tables they are
// about, and puts the sizes into their evidence. What destroys data or breaks
// code does so whatever the size: only locks and data-dependent failures are weighed.
func (z Sizes) sized(r *devdb.Record, findings []*lint.Finding) {
	if r.Stats == nil {
		return
	}
	for _, f := range findings {
		z.known(r, f)
		tables := involved(r, f)
		if len(tables) == 0 {
			continue
		}
		biggest := slices.MaxFunc(tables, func(a, b *stats.Table) int { return int(min(max(a.Bytes-b.Bytes, -1), 1)) })
		for _, t := range tables {
			f.Evidence = append(f.Evidence, lint.Evidence{
				Kind: "statistics", Object: t.Schema + "." + t.Name,
				Text: fmt.Sprintf("%s.%s: %s, as of %s", t.Schema, t.Name, t.Size(), r.Stats.Taken),
			})
		}
		likely := z.likely(r, f)
		if w := weightOf(f); w == "" || f.Confidence == lint.Proven && w == lint.ByRows && !likely {
			continue
		}
		f.Message += " (" + stats.Bytes(biggest.Bytes) + ")"
		switch {
		case biggest.Rows >= 0 && biggest.Rows <= z.Small, likely:
			f.Severity = milder(f.Severity)
		case biggest.Rows >= z.Large && f.Severity == lint.Warning && weightOf(f) != lint.ByWait:
			f.Severity = lint.Error
		}
		if f.ID == "LK201" {
			f.Evidence = append(f.Evidence, lint.Evidence{
				Kind: "statistics", Object: biggest.Schema + "." + biggest.Name,
				Text: fmt.Sprintf("needs about %s of free disk until it commits", stats.Bytes(biggest.TotalBytes)),
			})
		}
	}
}

// weightOf is how the size of a table weighs on a finding of a built-in check.
func weightOf(f *lint.Finding) lint.Weight {
	for _, a := range All {
		if a.ID == f.ID {
			return a.Weight
		}
	}
	return ""
}

func milder(s lint.Severity) lint.Severity {
	if s == lint.Error {
		return lint.Warning
	}
	return lint.Info
}

// involved are the tables that a finding's evidence names and that the statistics know.
func involved(r *devdb.Record, f *lint.Finding) []*stats.Table {
	var out []*stats.Table
	add := func(object string) {
		parts := strings.SplitN(object, ".", 3)
		if len(parts) < 2 {
			return
		}
		if t := r.Stats.Table(parts[0], parts[1]); t != nil && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	add(f.Object)
	for _, e := range f.Evidence {
		switch e.Kind {
		case "lock", "held", "scan", "rewrite", "rows":
			add(e.Object)
		}
	}
	return out
}

// likely adds what the statistics say about NULLs and duplicates, and reports
// whether they make it likely that the statement passes in production.
func (z Sizes) likely(r *devdb.Record, f *lint.Finding) bool {
	if weightOf(f) != lint.ByRows || f.Migration < 0 || f.Migration >= len(r.New) || f.Statement < 0 || f.Statement >= len(r.New[f.Migration].Steps) {
		return false
	}
	s := r.New[f.Migration].Steps[f.Statement]
	pass := false
	say := func(t *stats.Table, col *stats.Column, ok bool, text string) {
		verdict := "may fail"
		if ok {
			verdict, pass = "likely to pass", true
		}
		f.Evidence = append(f.Evidence, lint.Evidence{
			Kind: "statistics", Object: t.Schema + "." + t.Name + "." + col.Name,
			Text: fmt.Sprintf("%s.%s in %s as of %s: %s", t.Name, text, stats.Rows(t.Rows), r.Stats.Taken, verdict),
		})
	}
	for _, c := range s.Changes {
		switch c := c.(type) {
		case *schema.SetNotNull:
			t := r.Stats.Table(c.Table.Schema, c.Table.Name)
			if col := t.Column(c.Column.Name); col != nil {
				say(t, col, col.Nulls == 0, fmt.Sprintf("%s has %s NULL", c.Column.Name, percent(col.Nulls)))
			}
		case *schema.AddIndex:
			if !c.Index.Unique || len(c.Index.Keys) != 1 || c.Index.Keys[0].Column == 0 {
				continue
			}
			rel := rel(s, c.Index.Table)
			if rel == nil {
				continue
			}
			t := r.Stats.Table(rel.Schema, rel.Name)
			if col := t.Column(c.Index.Keys[0].Text); col != nil {
				text := fmt.Sprintf("%s looks distinct", col.Name)
				if !col.Unique {
					text = fmt.Sprintf("%s has about %s distinct values", col.Name, distinct(t, col))
				}
				say(t, col, col.Unique, text)
			}
		}
	}
	return pass
}

func distinct(t *stats.Table, c *stats.Column) string {
	n := c.Distinct
	if n < 0 {
		n = -n * float64(t.Rows)
	}
	return strings.TrimSuffix(strings.TrimSuffix(stats.Rows(int64(n)), " rows"), " row")
}

func percent(f float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f*100), ".0") + " %"
}
