package schema

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Diff tells what changed from one catalog to the next, by OID and attnum. The
// order depends on the catalogs alone: what is gone first (what belongs to a
// table before the table), then what is renamed or altered, then what is new,
// each in the order the objects were made.
//
// An index, constraint or trigger that was made anew under the same name and
// definition (ALTER COLUMN TYPE rebuilds them) is not a change, nor are texts
// that differ because something they mention was renamed, nor the privileges an
// object is born with.
func Diff(before, after *Catalog) []Change {
	if before == after {
		return nil
	}
	d := &differ{before: before, after: after}
	d.objects()
	return slices.Concat(d.drops, d.renames, d.alters, d.adds, d.grants)
}

type differ struct {
	before, after                        *Catalog
	drops, renames, alters, adds, grants []Change
}

func (d *differ) drop(c Change)   { d.drops = append(d.drops, c) }
func (d *differ) rename(c Change) { d.renames = append(d.renames, c) }
func (d *differ) alter(c Change)  { d.alters = append(d.alters, c) }
func (d *differ) add(c Change)    { d.adds = append(d.adds, c) }

func (d *differ) objects() {
	b, a := d.before, d.after
	d.policies(pairs(b.Policies, a.Policies))
	d.rules(pairs(b.Rules, a.Rules))
	d.triggers(rejoin(pairs(b.Triggers, a.Triggers), func(x, y *Trigger) bool {
		return x.Table == y.Table && x.Name == y.Name && x.Raw == y.Raw
	}))
	d.constraints(rejoin(pairs(b.Constraints, a.Constraints), func(x, y *Constraint) bool {
		return x.Table == y.Table && x.Domain == y.Domain && x.Name == y.Name && x.Kind == y.Kind && d.sameText(x.Table, x.Definition, y.Definition)
	}))
	d.indexes(rejoin(pairs(b.Indexes, a.Indexes), d.sameIndex))
	d.statistics(rejoin(pairs(b.Statistics, a.Statistics), func(x, y *Statistics) bool {
		return x.Table == y.Table && d.sameText(x.Table, x.Definition, y.Definition)
	}))
	d.publications(pairs(b.Publications, a.Publications))
	d.relations(pairs(b.Relations, a.Relations))
	d.functions(pairs(b.Functions, a.Functions))
	d.types(pairs(b.Types, a.Types))
	d.eventTriggers(pairs(b.EventTriggers, a.EventTriggers))
	d.extensions(pairs(b.Extensions, a.Extensions))
	d.others(pairs(b.Objects, a.Objects))
	d.schemas(pairs(b.Schemas, a.Schemas))
	// What is new appears with its container first: the classes above run from
	// the inside out, for the drops.
	slices.SortStableFunc(d.adds, func(x, y Change) int { return rank(x) - rank(y) })
}

// rank orders additions: schemas, types, functions, tables, their parts.
func rank(c Change) int {
	switch c.(type) {
	case *AddSchema, *AddExtension:
		return 0
	case *AddObject:
		return 1
	case *AddType, *AddEnumValue:
		return 2
	case *AddSequence:
		return 3
	case *AddTable, *AttachPartition:
		return 4
	case *AddColumn:
		return 5
	case *AddIndex:
		return 6
	case *AddConstraint:
		return 7
	case *AddView:
		return 8
	case *AddFunction:
		return 9
	}
	return 10
}

// pair is one object in both states; either may be nil.
type pair[T any] struct{ before, after *T }

// pairs gives the objects that differ, by OID.
func pairs[T any](before, after map[OID]*T) []pair[T] {
	if reflect.ValueOf(before).Pointer() == reflect.ValueOf(after).Pointer() {
		return nil
	}
	ids := map[OID]bool{}
	for o, x := range before {
		if after[o] != x {
			ids[o] = true
		}
	}
	for o, x := range after {
		if before[o] != x {
			ids[o] = true
		}
	}
	var out []pair[T]
	for _, o := range sortedKeys(ids) {
		out = append(out, pair[T]{before[o], after[o]})
	}
	return out
}

func sortedKeys(m map[OID]bool) []OID {
	out := make([]OID, 0, len(m))
	for o := range m {
		out = append(out, o)
	}
	slices.Sort(out)
	return out
}

// rejoin makes one pair of an object that is gone and one that is new if they
// are the same to a user.
func rejoin[T any](ps []pair[T], same func(before, after *T) bool) []pair[T] {
	var out []pair[T]
	used := map[int]bool{}
	for i, p := range ps {
		if p.after != nil || p.before == nil {
			continue
		}
		for j, q := range ps {
			if q.before == nil && !used[j] && same(p.before, q.after) {
				ps[i].after = q.after
				used[j] = true
				break
			}
		}
	}
	for i, p := range ps {
		if !used[i] {
			out = append(out, p)
		}
	}
	return out
}

// sameIndex reports whether an index stands in the place of another, as ALTER
// COLUMN … TYPE makes it again.
func (d *differ) sameIndex(x, y *Index) bool {
	return x.Table == y.Table && x.Schema == y.Schema && x.Name == y.Name && d.sameText(x.Table, x.Definition, y.Definition) &&
		x.Primary == y.Primary && x.Unique == y.Unique && slices.EqualFunc(x.Keys, y.Keys, func(k, l IndexKey) bool {
		return k.Column == l.Column && k.Descending == l.Descending && k.NullsFirst == l.NullsFirst && (k.Text == l.Text || k.Column == 0 && d.retyped(x.Table))
	})
}

// sameText reports whether two texts of a table's part say the same: where a
// column of the table has another type, the casts in them may be others.
func (d *differ) sameText(table OID, before, after string) bool {
	return before == after || d.retyped(table) && withoutCasts(before) == withoutCasts(after)
}

// retyped reports whether a column of the table has another type or collation than before.
func (d *differ) retyped(table OID) bool {
	b, a := d.before.Relations[table], d.after.Relations[table]
	if b == nil || a == nil {
		return false
	}
	return slices.ContainsFunc(a.Columns, func(c *Column) bool {
		old := b.Column(c.Num)
		return old != nil && (old.Type != c.Type || old.Collation != c.Collation)
	})
}

var casts = regexp.MustCompile(`::("[^"]+"|[a-z_][\w$]*)(\."[^"]+"|\.[a-z_][\w$]*)?( varying| precision| with(out)? time zone)?(\([\d, ]+\))?(\[\])*`)

func withoutCasts(s string) string {
	return strings.NewReplacer("(", "", ")", "", " ", "").Replace(casts.ReplaceAllString(s, ""))
}

// Rebuilt pairs every index of before with the one of after that stands in its
// place: itself, or one made anew under the same name and definition. Only
// those whose storage differs are given.
func Rebuilt(before, after *Catalog) [][2]*Index {
	var out [][2]*Index
	for _, p := range rejoin(pairs(before.Indexes, after.Indexes), func(x, y *Index) bool {
		return x.Table == y.Table && x.Schema == y.Schema && x.Name == y.Name
	}) {
		if p.before != nil && p.after != nil && p.before.FileNode != p.after.FileNode {
			out = append(out, [2]*Index{p.before, p.after})
		}
	}
	return out
}

func (d *differ) indexes(ps []pair[Index]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropIndex{b})
		case b == nil:
			d.add(&AddIndex{a})
		default:
			if b.Name != a.Name {
				d.rename(&RenameIndex{b, a})
			}
			if b.Valid != a.Valid || b.Ready != a.Ready || b.Parent != a.Parent || b.Primary != a.Primary || b.Tablespace != a.Tablespace ||
				b.ReplicaIdentity != a.ReplicaIdentity || !slices.Equal(b.Options, a.Options) {
				d.alter(&AlterIndex{b, a})
			}
			d.rest(a.head(), "", b, a)
			d.comment(Ref{Class: ClassRelation, OID: a.OID}, "", b.Comment, a.Comment)
		}
	}
}

func (d *differ) constraints(ps []pair[Constraint]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropConstraint{b})
		case b == nil:
			d.add(&AddConstraint{a})
		default:
			if b.Name != a.Name {
				d.rename(&RenameConstraint{b, a})
			}
			if !b.Validated && a.Validated {
				d.alter(&ValidateConstraint{b, a})
			}
			if b.Deferrable != a.Deferrable || b.Deferred != a.Deferred || b.Enforced != a.Enforced || b.Inherited != a.Inherited || b.Parent != a.Parent {
				d.alter(&AlterConstraint{b, a})
			}
			d.comment(Ref{Class: ClassConstraint, OID: a.OID}, "", b.Comment, a.Comment)
		}
	}
}

func (d *differ) statistics(ps []pair[Statistics]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropStatistics{b})
		case b == nil:
			d.add(&AddStatistics{a})
		default:
			if b.Name != a.Name || b.Schema != a.Schema && !d.schemaRenamed(b.Schema, a.Schema) || b.Target != a.Target {
				d.alter(&AlterStatistics{b, a})
			}
			ref := Ref{Class: ClassStatistics, OID: a.OID}
			d.owner(ref, b.Owner, a.Owner)
			d.comment(ref, "", b.Comment, a.Comment)
		}
	}
}

func (d *differ) triggers(ps []pair[Trigger]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropTrigger{b})
		case b == nil:
			d.add(&AddTrigger{a})
		default:
			if b.Name != a.Name || b.Enabled != a.Enabled || b.Raw != a.Raw {
				d.alter(&AlterTrigger{b, a})
			}
			d.comment(Ref{Class: ClassTrigger, OID: a.OID}, "", b.Comment, a.Comment)
		}
	}
}

func (d *differ) rules(ps []pair[Rule]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropRule{b})
		case b == nil:
			d.add(&AddRule{a})
		default:
			if b.Name != a.Name || b.Enabled != a.Enabled || b.Raw != a.Raw && b.Definition != a.Definition {
				d.alter(&AlterRule{b, a})
			}
			d.comment(Ref{Class: ClassRule, OID: a.OID}, "", b.Comment, a.Comment)
		}
	}
}

func (d *differ) policies(ps []pair[Policy]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropPolicy{b})
		case b == nil:
			d.add(&AddPolicy{a})
		default:
			if b.Name != a.Name || b.Command != a.Command || b.Permissive != a.Permissive || !slices.Equal(b.Roles, a.Roles) ||
				b.Raw != a.Raw && (b.Using != a.Using || b.WithCheck != a.WithCheck) {
				d.alter(&AlterPolicy{b, a})
			}
			d.comment(Ref{Class: ClassPolicy, OID: a.OID}, "", b.Comment, a.Comment)
		}
	}
}
