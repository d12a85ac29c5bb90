package proof

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// keep is what is compared of a table's rows before and after a run.
type keep struct {
	rel      *schema.Relation
	look     *Look
	names    []string // of the columns looked at
	plain    []bool   // numbers and booleans, shown without quotes
	made     []string // default expressions of columns that the server fills: each run has other values there
	key      []int    // the primary key among the columns; none: rows are told by their order
	compared []int    // columns that the statement may change; none: only whether the row is there
	column   int16    // that is dropped, 0 if it is rows that may go
	chance   bool     // the statement sets what is another value in each run
}

// losses finds what a statement does to values that nobody may have meant to
// lose: it empties or drops a table, drops a column, or writes every row.
func (f *finder) losses() {
	s := f.s
	for _, c := range s.Changes {
		switch c := c.(type) {
		case *schema.DropTable:
			if r := f.old(c.Table.OID); r != nil && (r.PartitionOf == 0 || s.After.Relations[r.PartitionOf] != nil) {
				f.keep(r, nil)
			}
		case *schema.DropColumn:
			rel := f.old(c.Table.OID)
			if rel == nil || rel.PartitionOf != 0 || s.After.Relations[rel.OID] == nil {
				continue
			}
			if old := rel.Column(c.Column.Num); old != nil && old.Generated == "" {
				f.keep(rel, []int16{old.Num})
			}
		}
	}
	x := s.Stmt.Syntax
	emptied := map[schema.OID]bool{}
	for _, r := range s.Rewrites {
		if r.Reason == "TRUNCATE" || (r.Reason == "DO" || r.Reason == "SELECT" || r.Reason == "CALL") && r.Kind == "table" {
			top := f.before.Relations[r.Relation]
			for top != nil && top.PartitionOf != 0 && emptiedWhole(s, top.PartitionOf) {
				top = f.before.Relations[top.PartitionOf]
			}
			if top != nil && !emptied[top.OID] {
				emptied[top.OID] = true
				f.keep(f.old(top.OID), nil)
			}
		}
	}
	if (s.Tag == "UPDATE" || s.Tag == "DELETE") && s.Tag == x.Tag && len(x.Objects) == 1 {
		f.written()
	}
}

// emptiedWhole reports whether a partitioned table itself is emptied.
func emptiedWhole(s *devdb.Step, oid schema.OID) bool {
	return slices.ContainsFunc(s.Locks, func(l devdb.Lock) bool { return l.Relation == oid && l.Mode == devdb.AccessExclusive })
}

// keep adds the task to see what becomes of an ordinary row: of its values in
// some columns, or of the row if there are none.
func (f *finder) keep(rel *schema.Relation, cols []int16) {
	if rel == nil {
		return
	}
	f.keeps(rel, cols, func(b *base, k *keep) []goal {
		if k.column == 0 {
			return k.rowGoals(b, neighbours{})
		}
		w := want{}
		if rel.Column(k.column).Identity == "" {
			w.notNull = []int16{k.column}
		}
		return []goal{k.goal(neighbours{}, func(ctx context.Context, bb *builder) error {
			_, err := bb.add(ctx, rel, w)
			return err
		})}
	})
}

// keeps adds a task to see what becomes of rows of a table.
func (f *finder) keeps(rel *schema.Relation, cols []int16, goals func(*base, *keep) []goal) {
	after := f.s.After.Relations[rel.OID]
	target := schema.Ref{Class: schema.ClassRelation, OID: rel.OID}
	if len(cols) == 1 && after != nil && after.Column(cols[0]) == nil {
		target.Sub = cols[0]
	}
	f.add(devdb.DemandKeep, target, rel.OID, func(b *base) []goal { return goals(b, keeping(b, rel, after, cols)) })
}

// neighbours are the other tables of a statement, and what their rows must be
// like if there is one.
type neighbours struct {
	tables []*schema.Relation
	where  string
}

// goal looks at rows; those of tables beside are made first. Without row it
// is an ordinary row.
func (k *keep) goal(beside neighbours, row func(context.Context, *builder) error) goal {
	return goal{weak: true, keep: k, look: k.look, make: func(ctx context.Context, b *builder) error {
		for _, o := range beside.tables {
			w := want{}
			if beside.where != "" {
				w.where = []string{beside.where}
			}
			if _, err := b.add(ctx, o, w); err != nil {
				return err
			}
		}
		if row != nil {
			return row(ctx, b)
		}
		_, err := b.add(ctx, k.rel, want{})
		return err
	}}
}

// rowGoals are an ordinary row that has a value or two to lose, and one of
// nothing but what it must have.
func (k *keep) rowGoals(b *base, beside neighbours) []goal {
	var some []int16
	for _, c := range k.rel.Columns {
		plain := !c.NotNull && c.Default == "" && c.Identity == "" && c.Generated == ""
		if plain && len(some) < 2 && !slices.ContainsFunc(b.foreignKeys[k.rel.OID], func(f *schema.Constraint) bool { return slices.Contains(f.Columns, c.Num) }) {
			some = append(some, c.Num)
		}
	}
	return []goal{k.goal(beside, func(ctx context.Context, b *builder) error {
		_, err := b.add(ctx, k.rel, want{notNull: some})
		return err
	}), k.goal(beside, nil)}
}

// keeping writes the queries for a table's rows: its key, the columns compared, the others.
func keeping(b *base, rel, after *schema.Relation, cols []int16) *keep {
	k := &keep{rel: rel}
	var nums []int16
	for _, i := range b.uniques[rel.OID] {
		if i.Primary && b.cat.Indexes[i.OID] != nil { // not one that the change set adds
			for _, key := range i.Keys {
				nums = append(nums, key.Column)
			}
		}
	}
	for i, n := range nums {
		k.key = append(k.key, i)
		if after != nil && after.Column(n) == nil || slices.Contains(cols, n) {
			k.key = nil
			break
		}
	}
	for _, n := range cols {
		if !slices.Contains(nums, n) {
			nums = append(nums, n)
		}
		k.compared = append(k.compared, slices.Index(nums, n))
	}
	for _, c := range rel.Columns {
		if len(cols) == 0 && !slices.Contains(nums, c.Num) && len(nums) < 30 {
			nums = append(nums, c.Num)
		}
	}
	var old, now []string
	for _, n := range nums {
		c := rel.Column(n)
		x := b.types.base(b.types.parse(c.Type))
		k.names = append(k.names, ident(c.Name))
		k.plain = append(k.plain, x.numeric() || x.name == "boolean")
		k.made = append(k.made, madeBy(c))
		old = append(old, ident(c.Name)+"::text")
		switch {
		case after == nil:
		case after.Column(n) == nil:
			k.column = n
			now = append(now, "NULL::text")
		default:
			now = append(now, ident(after.Column(n).Name)+"::text")
		}
	}
	if len(nums) == 0 { // a table without columns
		old, now = []string{"''"}, []string{"''"}
	}
	k.look = &Look{Before: "SELECT " + strings.Join(old, ", ") + " FROM " + fullName(rel) + " ORDER BY tableoid, ctid"}
	if after != nil {
		k.look.After = "SELECT " + strings.Join(now, ", ") + " FROM " + fullName(after) + " ORDER BY tableoid, ctid"
	}
	return k
}

// differ finds the last row that is another after the run, or not there. kind
// is empty if there is none, or if nobody can tell.
func (k *keep) differ(before, after [][]*string) (was, is, kind string) {
	find := map[string][]*string{}
	for i, row := range after {
		if len(k.key) > 0 {
			find[k.id(row)] = row
		} else if len(before) == 1 && i == 0 {
			find[""] = row
		}
	}
	for _, b := range slices.Backward(before) {
		a := find[k.id(b)]
		switch {
		case a == nil && len(k.key) == 0 && len(before) > 1 && len(after) > 0:
			return "", "", "" // which of several rows it is cannot be told
		case a == nil:
			return k.text(b), "", "lost"
		case !slices.ContainsFunc(k.compared, func(n int) bool { return shown(a[n]) != shown(b[n]) }):
		case k.column != 0:
			return k.text(b), k.text(a), "lost"
		default:
			now := k.text(a)
			if k.chance {
				now = "another value"
			}
			return k.text(b), now, "changed"
		}
	}
	return "", "", ""
}

func (k *keep) id(row []*string) string {
	var out []string
	for _, n := range k.key {
		out = append(out, shown(row[n]))
	}
	return strings.Join(out, ",")
}

// text writes a row on one line: id 1, note 'a'. It shows up to four columns,
// of a whole row those that have a value.
func (k *keep) text(row []*string) string {
	var out, left []string
	for i, v := range row {
		if i < len(k.names) && k.made[i] != "" && !slices.Contains(k.compared, i) {
			left = append(left, k.names[i]+" "+k.made[i])
			continue
		}
		if i >= len(k.names) || len(out) == 4 && !slices.Contains(k.compared, i) || v == nil && (k.column != 0 || !slices.Contains(k.compared, i)) {
			continue
		}
		s := shown(v)
		if v != nil && k.plain[i] {
			s = *v
		}
		if r := []rune(s); len(r) > 40 {
			s = string(r[:39]) + "…"
		}
		out = append(out, k.names[i]+" "+s)
	}
	if len(out) == 0 && len(left) > 0 {
		return left[0]
	}
	if len(out) == 0 {
		return "of no values"
	}
	return strings.Join(out, ", ")
}

// madeBy is the expression that fills a column for which a row gives no value,
// empty if that is a constant.
func madeBy(c *schema.Column) string {
	switch {
	case c.Identity != "":
		return "a new number"
	case c.Generated == "" && (strings.Contains(c.Default, "(") || moment.MatchString(c.Default)):
		return c.Default
	}
	return ""
}

var (
	moment = regexp.MustCompile(`(?i)^(current_|local)`) // current_timestamp, localtime …
	// chances are functions that give another value in each run.
	chances = regexp.MustCompile(`(?i)\b(now|current_(timestamp|date|time)|localtime(stamp)?|clock_timestamp|(statement|transaction)_timestamp|timeofday|random\w*|gen_random_\w+|uuid_generate_\w+|uuidv\d|nextval|txid_current|pg_current_xact_id)\b`)
)

// judge says what a run did to the rows.
func (k *keep) judge(tried *Tried, rows string, left []string) outcome {
	if tried.Unseen {
		return outcome{proof: devdb.Unknown, why: "the rows cannot be read after the statement"}
	}
	was, is, kind := k.differ(tried.Before, tried.After)
	if kind == "" {
		return outcome{proof: devdb.Passes}
	}
	return outcome{proof: devdb.Changes, cx: &devdb.Counterexample{Kind: kind, Rows: rows, Before: was, After: is, Left: left}}
}
