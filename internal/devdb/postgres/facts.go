package postgres

import (
	"cmp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// rewrites gives the relations that lie elsewhere after the statement.
func rewrites(step *devdb.Step, facts told) []devdb.Rewrite {
	if step.Before == step.After {
		return nil
	}
	var out []devdb.Rewrite
	for o, b := range step.Before.Relations {
		a := step.After.Relations[o]
		if a == nil || a == b || a.FileNode == b.FileNode {
			continue
		}
		w := devdb.Rewrite{Relation: o, Object: b.QualifiedName(), Kind: string(b.Kind), Table: o, Reason: rewriteReason(facts.rewrites[o])}
		if w.Reason == "" {
			w.Reason = storageReason(step, b, a)
		}
		out = append(out, w)
	}
	for _, p := range schema.Rebuilt(step.Before, step.After) {
		out = append(out, devdb.Rewrite{Relation: p[0].OID, Object: p[0].QualifiedName(), Kind: "index", Table: p[0].Table, Reason: indexReason(step)})
	}
	slices.SortFunc(out, func(a, b devdb.Rewrite) int {
		return cmp.Or(cmp.Compare(rewriteRank(a), rewriteRank(b)), cmp.Compare(a.Object, b.Object))
	})
	return out
}

func rewriteRank(w devdb.Rewrite) int {
	if w.Kind == "index" {
		return 1
	}
	return 0
}

func storageReason(step *devdb.Step, b, a *schema.Relation) string {
	switch {
	case b.Kind == schema.Sequence && step.Tag == "TRUNCATE TABLE":
		return "restarted"
	case b.Kind == schema.Sequence:
		return "sequence altered"
	case b.Tablespace != a.Tablespace:
		return "tablespace"
	case b.AccessMethod != a.AccessMethod:
		return "access method"
	case b.Persistence != a.Persistence:
		return "persistence"
	case step.Tag == "VACUUM":
		return "VACUUM FULL"
	}
	return strings.TrimSuffix(step.Tag, " TABLE")
}

func indexReason(step *devdb.Step) string {
	if step.Tag == "TRUNCATE TABLE" {
		return "TRUNCATE"
	}
	return "index rebuilt"
}

// dropped gives what fell, from sql_drop or, where there is no event trigger, from the catalogs.
func dropped(step *devdb.Step, facts told, triggers bool) []devdb.Dropped {
	if !triggers {
		return droppedBy(step)
	}
	var out []devdb.Dropped
	var named []schema.Ref
	for _, d := range facts.dropped {
		ref := schema.Ref{Class: classOf(d.class), OID: d.oid, Sub: int16(d.sub)}
		if !step.Before.Has(ref) && !(ref.Class == schema.ClassDefault && (d.original || d.normal)) {
			continue // row types, toast tables, what an extension had
		}
		name := step.Before.Name(ref)
		if name == "" {
			name = templess(d.name)
		}
		if d.original {
			named = append(named, ref)
		}
		out = append(out, devdb.Dropped{ObjectRef: devdb.ObjectRef{Ref: ref, Kind: d.kind, Name: name}, Original: d.original, Normal: d.normal && !d.original})
	}
	chains(step.Before, named, out)
	return out
}

// chains fills in how each object hangs on one that was named.
func chains(c *schema.Catalog, named []schema.Ref, out []devdb.Dropped) {
	via := map[schema.Ref][]string{}
	for _, n := range named {
		via[n] = []string{c.Name(n)}
	}
	if len(out) > len(named) {
		for _, n := range named {
			for _, d := range c.Dependents(n) {
				whole := schema.Ref{Class: d.Ref.Class, OID: d.Ref.OID}
				for _, ref := range []schema.Ref{d.Ref, whole} {
					if _, ok := via[ref]; ok {
						continue
					}
					var names []string
					for _, v := range d.Via {
						names = append(names, c.Name(v))
					}
					via[ref] = names
				}
			}
		}
	}
	for i := range out {
		out[i].Via = via[out[i].Ref]
	}
}

// droppedBy derives the fallen objects from the catalogs alone: what the
// statement's text names counts as named.
func droppedBy(step *devdb.Step) []devdb.Dropped {
	var out []devdb.Dropped
	var named []schema.Ref
	add := func(ref schema.Ref) {
		name := step.Before.Name(ref)
		bare := name[strings.LastIndexByte(name, '.')+1:]
		bare, _, _ = strings.Cut(bare, " on ")
		original := strings.Contains(strings.ToLower(step.Stmt.Text), strings.ToLower(bare))
		if original {
			named = append(named, ref)
		}
		out = append(out, devdb.Dropped{ObjectRef: devdb.ObjectRef{Ref: ref, Kind: step.Before.Kind(ref), Name: name}, Original: original, Normal: !original})
	}
	for _, c := range step.Changes {
		if ref, ok := schema.DroppedRef(c); ok {
			add(ref)
		}
	}
	chains(step.Before, named, out)
	return out
}

// createdBy derives the new objects from the catalogs alone.
func createdBy(step *devdb.Step) []devdb.ObjectRef {
	var out []devdb.ObjectRef
	for _, c := range step.Changes {
		if ref, ok := schema.AddedRef(c); ok {
			out = append(out, devdb.ObjectRef{Ref: ref, Kind: step.After.Kind(ref), Name: step.After.Name(ref), Tag: step.Tag})
		}
	}
	return out
}

func sortCounts(step *devdb.Step) {
	slices.SortFunc(step.Scans, func(a, b devdb.Scan) int { return cmp.Compare(a.Object, b.Object) })
	slices.SortFunc(step.Rows, func(a, b devdb.RowCount) int { return cmp.Compare(a.Object, b.Object) })
}
