package analyzers

import (
	"cmp"
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

// Bytes weigh as well as rows: few rows may be long ones.
const (
	smallBytes = 100 << 20
	largeBytes = 10 << 30
)

// extent is how much there is of a table in production, with its partitions and
// the tables that inherit from it.
type extent struct {
	name    string // with its schema
	below   int    // partitions or child tables
	what    string // those are
	rows    int64
	guessed bool  // from the bytes
	bytes   int64 // with TOAST
	total   int64 // with indexes
	parts   []*stats.Table
}

func (x *extent) size() string {
	text := stats.Bytes(x.bytes)
	if x.below > 0 {
		text += " in " + plural(x.below, x.what)
	}
	return text
}

// extentOf sums up what the statistics know of a table, by its name and those of
// its heirs before the change; nil if they do not know it.
func extentOf(r *devdb.Record, rel *schema.Relation) *extent {
	own := r.Stats.Table(rel.Schema, rel.Name)
	x := &extent{name: qualified(rel.Schema, rel.Name), what: "child table"}
	if rel.Kind == schema.PartitionedTable {
		x.what = "partition"
	}
	add := func(t *stats.Table) {
		rows, guessed := t.Estimate()
		x.rows, x.bytes, x.total, x.guessed = x.rows+rows, x.bytes+t.Bytes, x.total+max(t.Bytes, t.TotalBytes), x.guessed || guessed && rows > 0
		x.parts = append(x.parts, t)
	}
	if own != nil && rel.Kind != schema.PartitionedTable {
		add(own)
	}
	for _, h := range heirs(r.Before, rel.OID) {
		if t := r.Stats.Table(h.Schema, h.Name); t != nil {
			x.below++
			if h.Kind != schema.PartitionedTable {
				add(t)
			}
		}
	}
	if own == nil && len(x.parts) == 0 {
		return nil
	}
	if own == nil {
		return x
	}
	if rel.Kind == schema.PartitionedTable && len(x.parts) == 0 {
		if own.Rows < 0 && own.Parts == nil {
			return nil
		}
		x.rows = max(0, own.Rows) // ANALYZE of the parent counts the partitions
	}
	if p := own.Parts; p != nil && int(p.Tables) > x.below { // made by production's own jobs
		rows, bytes, total := p.Rows, p.Bytes, p.TotalBytes
		if rel.Kind != schema.PartitionedTable {
			n, _ := own.Estimate()
			rows, bytes, total = rows+n, bytes+own.Bytes, total+own.TotalBytes
		}
		x.below, x.rows, x.bytes, x.total = int(p.Tables), max(x.rows, rows), max(x.bytes, bytes), max(x.total, total)
	}
	return x
}

// extent is how much there is of a table in production; nil if that is not known.
func (p *Pass) extent(rel *schema.Relation) *extent {
	if p.Stats == nil {
		return nil
	}
	if old := p.Before.Relations[rel.OID]; old != nil {
		rel = old
	}
	return extentOf(p.Record, rel)
}

// sized lets the severity of findings follow the size of the tables they are
// about, and puts the sizes into their evidence. What destroys data or breaks
// code does so whatever the size: only locks and data-dependent failures are weighed.
func (z Sizes) sized(r *devdb.Record, findings []*lint.Finding) {
	for _, f := range findings {
		var tables []*extent
		if r.Stats != nil {
			z.known(r, f)
			tables = involved(r, f)
		}
		if len(tables) == 0 {
			unsized(f)
			continue
		}
		var sum extent
		for _, x := range tables {
			sum.rows, sum.total = sum.rows+x.rows, sum.total+x.total
			f.Evidence = append(f.Evidence, lint.Evidence{Kind: "statistics", Object: x.name, Text: fmt.Sprintf("%s: %s, as of %s", x.name, x.text(), r.Stats.Taken)})
		}
		v := judgeRows(r, f)
		if w := weightOf(f); w == "" || f.Confidence == lint.Proven && w == lint.ByRows && !v.passes {
			if v.headline != "" {
				f.Message = v.headline
			}
			continue
		}
		f.Message += " (" + sizeText(f, tables) + ")"
		switch {
		case sum.rows <= z.Small && sum.total <= smallBytes, v.passes:
			f.Severity = milder(cmp.Or(ruleOf(f).Unsized, f.Severity)) // known to be small is milder than not known
		case (sum.rows >= z.Large || sum.total >= largeBytes) && f.Severity == lint.Warning && weightOf(f) != lint.ByWait:
			f.Severity = lint.Error
		}
		if n := diskFor(stepOf(r, f), tables); n > 0 && f.ID == "LK201" {
			f.Evidence = append(f.Evidence, lint.Evidence{Kind: "statistics", Object: tables[0].name, Text: fmt.Sprintf("needs about %s of free disk until it commits", stats.Bytes(n))})
		}
	}
}

// unsized gives a finding the severity that its rule has while nobody knows how large the tables are.
func unsized(f *lint.Finding) {
	if rule := ruleOf(f); rule != nil && rule.Unsized != "" {
		f.Severity, f.SizeUnknown = rule.Unsized, true
		f.Message += " (size not known)"
	}
}

func (x *extent) text() string {
	rows := stats.Rows(x.rows)
	if x.guessed {
		rows = "about " + rows + " by its size"
	}
	return rows + ", " + x.size()
}

// sizeText names the tables unless the finding names the only one.
func sizeText(f *lint.Finding, tables []*extent) string {
	if len(tables) == 1 && strings.Contains(f.Message, quote(tables[0].name)) {
		return tables[0].size()
	}
	var all []string
	total := int64(0)
	for _, x := range tables {
		all, total = append(all, short(x.name)+": "+x.size()), total+x.bytes
	}
	if len(all) > 3 {
		all = append(all[:3], fmt.Sprintf("%d more", len(tables)-3))
	}
	text := strings.Join(all, ", ")
	if len(tables) > 1 {
		text += ", " + stats.Bytes(total) + " in all"
	}
	return text
}

// diskFor is how many bytes the step writes again, indexes included.
func diskFor(s *devdb.Step, tables []*extent) int64 {
	if s == nil {
		return 0
	}
	again := map[string]bool{}
	for _, x := range s.Rewrites {
		if rel := s.Before.Relations[x.Relation]; rel != nil {
			again[qualified(rel.Schema, rel.Name)] = true
		}
	}
	sum := int64(0)
	for _, x := range tables {
		some, all := int64(0), true
		for _, t := range x.parts {
			if again[qualified(t.Schema, t.Name)] {
				some += max(t.Bytes, t.TotalBytes)
			} else {
				all = false
			}
		}
		if all {
			some = x.total // with the partitions that only production has
		}
		sum += some
	}
	return sum
}

// weightOf is how the size of a table weighs on a finding of a built-in check.
func weightOf(f *lint.Finding) lint.Weight {
	if rule := ruleOf(f); rule != nil {
		return rule.Weight
	}
	return ""
}

// ruleOf is the rule of a built-in check's finding; nil for another finding.
func ruleOf(f *lint.Finding) *lint.Rule {
	for _, a := range All {
		if a.ID == f.ID {
			return &a.Rule
		}
	}
	return nil
}

func milder(s lint.Severity) lint.Severity {
	if s == lint.Error {
		return lint.Warning
	}
	return lint.Info
}

// involved are the tables that a finding's evidence names and that the
// statistics know, the largest first; partitions count with their table where
// that is among them.
func involved(r *devdb.Record, f *lint.Finding) []*extent {
	var rels []*schema.Relation
	add := func(object string) {
		parts := strings.SplitN(object, ".", 3)
		if len(parts) < 2 {
			return
		}
		for _, c := range []*schema.Catalog{r.Before, r.After} {
			if c == nil {
				continue
			}
			if rel := c.RelationNamed(parts[0], parts[1]); rel != nil {
				if old := r.Before.Relations[rel.OID]; old != nil {
					rel = old // production has it under its old name
				}
				if !slices.Contains(rels, rel) {
					rels = append(rels, rel)
				}
				return
			}
		}
	}
	add(f.Object)
	for _, e := range f.Evidence {
		switch e.Kind {
		case "lock", "held", "scan", "rewrite", "rows":
			add(e.Object)
		}
	}
	rels = append(rels, wholes(r.Before, stepOf(r, f), rels)...)
	below := map[schema.OID]bool{}
	for _, rel := range rels {
		for _, h := range heirs(r.Before, rel.OID) {
			below[h.OID] = true
		}
	}
	var out []*extent
	for _, rel := range rels {
		if x := extentOf(r, rel); x != nil && !below[rel.OID] {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b *extent) int { return cmp.Compare(b.bytes, a.bytes) })
	return out
}

// wholes are the partitioned tables that the step locks and all of whose
// partitions are among rels.
func wholes(c *schema.Catalog, s *devdb.Step, rels []*schema.Relation) []*schema.Relation {
	if s == nil {
		return nil
	}
	locked := func(t *schema.Relation) bool {
		return slices.ContainsFunc(s.Locks, func(l devdb.Lock) bool { return l.Relation == t.OID })
	}
	var out []*schema.Relation
	for _, rel := range rels {
		for at := c.Relations[rel.OID]; at != nil; {
			up := parents(at)
			if at = nil; len(up) != 1 {
				continue
			}
			whole := c.Relations[up[0]]
			if whole == nil || whole.Kind != schema.PartitionedTable || !locked(whole) || slices.Contains(rels, whole) || slices.Contains(out, whole) {
				continue
			}
			part := func(h *schema.Relation) bool { return h.Kind == schema.PartitionedTable || slices.Contains(rels, h) }
			if below := heirs(c, whole.OID); !slices.ContainsFunc(below, func(h *schema.Relation) bool { return !part(h) }) {
				out, at = append(out, whole), whole
			}
		}
	}
	return out
}

// verdict is what the statistics say of a demand on rows.
type verdict struct {
	passes   bool   // likely
	headline string // what will happen, where that is known
}

// judgeRows adds to a finding what the statistics say about NULLs and duplicates.
func judgeRows(r *devdb.Record, f *lint.Finding) (v verdict) {
	s := stepOf(r, f)
	if weightOf(f) != lint.ByRows || s == nil {
		return v
	}
	say := func(t *stats.Table, col *stats.Column, ok bool, text string) {
		word := "may fail"
		if ok {
			word, v.passes = "likely to pass", true
		}
		f.Evidence = append(f.Evidence, lint.Evidence{
			Kind: "statistics", Object: t.Schema + "." + t.Name + "." + col.Name,
			Text: fmt.Sprintf("%s.%s as of %s: %s", t.Name, text, r.Stats.Taken, word),
		})
	}
	certain := f.Confidence == lint.Proven && !changesRowsBefore(r, f)
	for _, c := range s.Changes {
		switch c := c.(type) {
		case *schema.SetNotNull:
			t, col := columnStats(r, c.Table.OID, c.Column.Num)
			if col == nil {
				continue
			}
			rows, _ := t.Estimate()
			if col.Nulls == 0 {
				say(t, col, true, fmt.Sprintf("%s has no NULL in the sample that ANALYZE took of %s", col.Name, stats.Rows(rows)))
				continue
			}
			say(t, col, false, fmt.Sprintf("%s has %s NULL in %s", col.Name, percent(col.Nulls), stats.Rows(rows)))
			if certain && f.Object == qualified(c.Table.Schema, c.Table.Name)+"."+c.Column.Name {
				v.headline = fmt.Sprintf("SET NOT NULL on %s will fail: about %s of %s are NULL (statistics of %s)",
					short(f.Object), stats.About(max(1, int64(col.Nulls*float64(rows)))), stats.Rows(rows), r.Stats.Taken)
			}
		case *schema.AddIndex:
			i := c.Index
			if !i.Unique || len(i.Keys) != 1 || i.Keys[0].Column == 0 || i.Predicate != "" { // nothing is known of the rows under a WHERE
				continue
			}
			t, col := columnStats(r, i.Table, i.Keys[0].Column)
			if col == nil {
				continue
			}
			rows, _ := t.Estimate()
			switch nulls := col.Nulls * float64(rows); {
			case i.NullsNotDistinct && nulls >= 2:
				say(t, col, false, fmt.Sprintf("%s has %s NULL in %s, and NULLs count as equal", col.Name, percent(col.Nulls), stats.Rows(rows)))
			case col.LooksUnique():
				say(t, col, true, fmt.Sprintf("%s looks distinct in %s", col.Name, stats.Rows(rows)))
			default:
				say(t, col, false, fmt.Sprintf("%s has about %s distinct values in %s", col.Name, stats.About(t.Distinct(col)), stats.Rows(rows)))
				if rel := rel(s, i.Table); certain && rel != nil {
					v.headline = fmt.Sprintf("unique index %q on %s will fail: %s has about %s distinct values in %s (statistics of %s)",
						i.Name, short(rel.QualifiedName()), col.Name, stats.About(t.Distinct(col)), stats.Rows(rows), r.Stats.Taken)
				}
			}
		}
	}
	return v
}

// changesRowsBefore reports whether an earlier statement of the change may have
// changed rows that production's statistics are about.
func changesRowsBefore(r *devdb.Record, f *lint.Finding) bool {
	for i, m := range r.New[:f.Migration+1] {
		for j, s := range m.Steps {
			if i == f.Migration && j >= f.Statement {
				return false
			}
			switch s.Tag {
			case "UPDATE", "DELETE", "MERGE", "INSERT", "DO", "SELECT", "CALL", "TRUNCATE", "COPY", "TRUNCATE TABLE":
				return true
			}
		}
	}
	return false
}

// columnStats is what production says of a column, under the names of before the change.
func columnStats(r *devdb.Record, table schema.OID, num int16) (*stats.Table, *stats.Column) {
	rel := r.Before.Relations[table]
	if rel == nil {
		return nil, nil
	}
	c := column(rel, num)
	t := r.Stats.Table(rel.Schema, rel.Name)
	if c == nil || t == nil {
		return nil, nil
	}
	return t, t.Column(c.Name)
}

func percent(f float64) string {
	if f > 0 && f < 0.001 {
		return fmt.Sprintf("%.2g %%", f*100)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f*100), ".0") + " %"
}
