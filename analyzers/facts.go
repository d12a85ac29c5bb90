package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// facts is what several checks ask of one record, worked out once.
type facts struct {
	index   map[*devdb.Recorded]int
	writes  map[*devdb.Step][]migration.Write
	commits map[*devdb.Step]bool // steps that commit as they go
	sizes   Sizes
}

func newFacts(r *devdb.Record, sizes Sizes) *facts {
	f := &facts{index: make(map[*devdb.Recorded]int, len(r.New)), writes: map[*devdb.Step][]migration.Write{}, commits: map[*devdb.Step]bool{}, sizes: sizes}
	for i, m := range r.New {
		f.index[m] = i
	}
	return f
}

// IsNew reports whether the relation is made by this change set: nobody uses it
// yet, so nobody waits for its locks and no rows are in it. Temporary tables
// are the session's own.
func (p *Pass) IsNew(rel schema.OID) bool {
	return p.Before.Relations[rel] == nil && p.Before.Indexes[rel] == nil
}

// NewTable is IsNew for the table that a constraint, trigger, policy … is on;
// a table 0 (a domain's constraint) is not new.
func (p *Pass) NewTable(table schema.OID) bool { return table != 0 && p.IsNew(table) }

// rel finds a relation as it is after the step, or before it if it is gone.
func rel(s *devdb.Step, oid schema.OID) *schema.Relation {
	if r := s.After.Relations[oid]; r != nil {
		return r
	}
	return s.Before.Relations[oid]
}

// qualified is a relation's schema-qualified name as PostgreSQL would quote it.
func qualified(schemaName, name string) string { return schemaName + "." + name }

// relName is a relation's schema-qualified name, empty if it is unknown.
func relName(s *devdb.Step, oid schema.OID) string {
	if r := rel(s, oid); r != nil {
		return qualified(r.Schema, r.Name)
	}
	return ""
}

// short drops the schema of an object in public: messages read as people speak.
func short(name string) string { return strings.TrimPrefix(name, "public.") }

// quote puts a name into a message.
func quote(name string) string { return `"` + short(name) + `"` }

// list joins names as people do: "a", "b" and "c"; more than max are counted.
func list(names []string, limit int) string {
	var q []string
	for _, n := range names {
		q = append(q, quote(n))
	}
	if len(q) > limit {
		rest := len(q) - limit
		q = append(q[:limit], fmt.Sprintf("%d more", rest))
	}
	if len(q) < 2 {
		return strings.Join(q, "")
	}
	return strings.Join(q[:len(q)-1], ", ") + " and " + q[len(q)-1]
}

// plural gives "1 row", "2 rows", "2 indexes".
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	if strings.HasSuffix(word, "x") {
		word += "e"
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// columnNames turns attnums into names.
func columnNames(r *schema.Relation, nums []int16) []string {
	var out []string
	for _, n := range nums {
		if c := column(r, n); c != nil {
			out = append(out, c.Name)
		}
	}
	return out
}

// column finds a live column by attnum.
func column(r *schema.Relation, num int16) *schema.Column {
	if r == nil {
		return nil
	}
	for _, c := range r.Columns {
		if c.Num == num {
			return c
		}
	}
	return nil
}

// columnByName finds a live column by name.
func columnByName(r *schema.Relation, name string) *schema.Column {
	if r == nil {
		return nil
	}
	for _, c := range r.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// lockOn is the strongest lock that the step itself takes on a relation.
func lockOn(s *devdb.Step, oid schema.OID) (devdb.Lock, bool) { return strongest(s.Locks, oid) }

// heldOn is the strongest lock on a relation that is held from an earlier step.
func heldOn(s *devdb.Step, oid schema.OID) (devdb.Lock, bool) { return strongest(s.Held, oid) }

func strongest(locks []devdb.Lock, oid schema.OID) (best devdb.Lock, ok bool) {
	for _, l := range locks {
		if l.Relation == oid && l.Mode.Strength() > best.Mode.Strength() {
			best, ok = l, true
		}
	}
	return best, ok
}

// inForce is the strongest lock on a relation while the step runs: its own or a held one.
func inForce(s *devdb.Step, oid schema.OID) (devdb.Lock, bool) {
	a, okA := lockOn(s, oid)
	b, okB := heldOn(s, oid)
	if b.Mode.Strength() > a.Mode.Strength() {
		return b, okB
	}
	return a, okA
}

// rewritten reports whether the step writes the relation's storage anew.
func rewritten(s *devdb.Step, oid schema.OID) (devdb.Rewrite, bool) {
	for _, r := range s.Rewrites {
		if r.Relation == oid {
			return r, true
		}
	}
	return devdb.Rewrite{}, false
}

// scanned reports whether the step reads the whole relation.
func scanned(s *devdb.Step, oid schema.OID) bool {
	return slices.ContainsFunc(s.Scans, func(x devdb.Scan) bool { return x.Relation == oid })
}

// isTable tells a relation that holds rows from indexes, sequences and views.
func isTable(kind string) bool {
	switch kind {
	case "table", "partitioned table", "materialized view", "foreign table":
		return true
	}
	return false
}

// waiters says who must wait for a lock of the mode.
func waiters(m devdb.LockMode) string {
	switch {
	case m.BlocksReads():
		return "reads and writes"
	case m.BlocksWrites():
		return "writes"
	default:
		return "other DDL"
	}
}

// lockEvidence tells a lock.
func lockEvidence(l devdb.Lock) lint.Evidence {
	t := fmt.Sprintf("%s on %s", l.Mode, l.Object)
	if l.Inferred {
		t += " (from the manual)"
	}
	return lint.Evidence{Kind: "lock", Text: t, Object: l.Object, Mode: string(l.Mode)}
}

// heldEvidence tells a lock that an earlier statement took and what it is held for.
func heldEvidence(m *devdb.Recorded, l devdb.Lock, doing string) lint.Evidence {
	t := fmt.Sprintf("%s on %s", l.Mode, l.Object)
	switch {
	case l.Step < 0:
		t += ", taken by an earlier file of the same transaction"
	case l.Step < len(m.Steps):
		t += fmt.Sprintf(", taken in line %d", m.Steps[l.Step].Stmt.Pos.Line)
	}
	if doing != "" {
		t += ", held while this statement " + doing
	}
	return lint.Evidence{Kind: "held", Text: t, Object: l.Object, Mode: string(l.Mode)}
}

// scanEvidence tells a scan.
func scanEvidence(x devdb.Scan) lint.Evidence {
	t := "scans all of " + x.Object
	if x.Count > 1 {
		t += fmt.Sprintf(", %d times", x.Count)
	}
	return lint.Evidence{Kind: "scan", Text: t, Object: x.Object}
}

// rewriteEvidence tells a rewrite.
func rewriteEvidence(x devdb.Rewrite) lint.Evidence {
	t := "rewrites all of " + x.Object
	if x.Reason != "" {
		t += " (" + x.Reason + ")"
	}
	return lint.Evidence{Kind: "rewrite", Text: t, Object: x.Object}
}
