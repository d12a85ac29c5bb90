package proof

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// mostDefaults bounds how many columns of a table are left to their defaults.
const mostDefaults = 8

// limited are types that do not hold every value which their column's default may have.
var limited = regexp.MustCompile(`^(?:smallint|integer|character|numeric\(|bit|timestamp\(|time\()`)

// defaultsOf are the columns of a table that an INSERT may leave out, if the
// change made their default or something that may refuse it: a check, a key, a
// trigger, a type with bounds.
func (t *toucher) defaultsOf(was, now *schema.Relation) []int16 {
	if was == nil {
		return nil // nobody inserts into it yet
	}
	added, any := map[int16]bool{}, map[int16]bool{} // columns of constraints that the change adds, and of all
	for _, k := range t.after.Constraints {
		if k.Table != now.OID || k.Kind != schema.Check && k.Kind != schema.ForeignKey || !k.Enforced {
			continue
		}
		for _, n := range k.Columns {
			any[n] = true
			added[n] = added[n] || t.before.Constraints[k.OID] == nil
		}
	}
	fires, firesNow := false, false
	for _, g := range t.triggers[now.OID] {
		fires = true
		firesNow = firesNow || t.before.Triggers[g.OID] == nil
	}
	var out []int16
	for _, c := range now.Columns {
		if c.Default == "" || c.Generated != "" || c.Identity != "" || strings.Contains(c.Default, "nextval(") || len(out) == mostDefaults {
			continue
		}
		old := was.Column(c.Num)
		changed := old == nil || old.Default != c.Default || old.Type != c.Type
		refusable := any[c.Num] || fires || limited.MatchString(c.Type) && !strings.HasPrefix(c.Type, "integer") || t.isDomain(c)
		if added[c.Num] || firesNow || changed && refusable {
			out = append(out, c.Num)
		}
	}
	return out
}

func (t *toucher) isDomain(c *schema.Column) bool {
	for _, u := range t.after.Types {
		if u.Kind == schema.Domain && (u.Name == c.Type || u.Schema+"."+u.Name == c.Type) {
			return true
		}
	}
	return false
}

// defaults puts the rows in without one of the columns, and notes the failure
// that the default brings to each of them.
func (u *user) defaults(ctx context.Context, own []*row, c *crowd) error {
	t := u.like(c)
	for _, n := range u.s.defaults {
		col := u.rel.Column(n)
		if col == nil || t == nil {
			continue
		}
		var got devdb.UseResult
		var sql string
		for _, o := range own {
			r := clone(o)
			c.insert(r, plain, t)
			delete(r.vals, n)
			one := insertOf(r)
			did, err := u.do(ctx, "SET CONSTRAINTS ALL IMMEDIATE; "+one, "", false)
			if err != nil {
				return err
			}
			u.uses++
			sql, got = cmp.Or(sql, one), resultOf(did)
			if got.Code == "" || !u.ofDefault(col, got) {
				got = devdb.UseResult{Tried: true}
				break
			}
			sql = one
		}
		if sql != "" {
			got.There = true
			u.out = append(u.out, used{useKey{verb: "INSERT", omits: col.Name}, sql, got})
		}
	}
	return nil
}

// ofDefault reports whether a failure is one that the value of a column alone
// brings about: with others beside it, no other row would pass.
func (u *user) ofDefault(col *schema.Column, r devdb.UseResult) bool {
	switch {
	case r.Code == "23514" || r.Code == "23503":
		m := constraintName.FindStringSubmatch(r.Message)
		if m == nil {
			return false
		}
		for _, k := range u.base.cat.Constraints {
			if k.Name == m[1] && (k.Table == u.rel.OID && slices.Equal(k.Columns, []int16{col.Num}) || k.Domain != 0) {
				return true
			}
		}
		return false
	case r.Code == "23505", r.Code == "23502", r.Code == "23P01":
		return false // of other rows, or of a default that is not there
	}
	return devdb.OfRows(r.Code)
}
