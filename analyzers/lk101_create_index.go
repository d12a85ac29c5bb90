package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var createIndex = &Analyzer{
	Rule: lint.Rule{
		ID: "LK101", Name: "create-index", Title: "building an index while blocking writes", Severity: lint.Error, Unsized: lint.Warning, Weight: lint.ByLock,
		Aliases: []string{"atlas:PG101", "squawk:require-concurrent-index-creation", "eugene:E6", "strong_migrations:add_index", "strong_migrations:add_reference"}, Hazards: []string{"A01", "A06", "A08"},
	},
	Fix: (*offer).indexConcurrently,
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddIndex](p) {
			i := c.Index
			l, ok := inForce(at.Step, i.Table)
			if !ok || !blocksOthers(l) || p.IsNew(i.Table) || i.Constraint != 0 || i.Parent != 0 || rebuilt(at.Step, i) {
				continue
			}
			if i.Partitioned && !scannedBelow(at.Step, i.Table) {
				continue // ONLY the parent, or there are no partitions
			}
			table := relName(at.Step, i.Table)
			f := lint.Finding{
				Object:   qualified(i.Schema, i.Name),
				On:       table,
				Message:  fmt.Sprintf("building index %q blocks %s to %s until the build finishes", i.Name, waiters(l.Mode), quote(table)),
				Evidence: append([]lint.Evidence{lockEvidence(l)}, scansBelow(at.Step, i.Table)...),
			}
			if r := rel(at.Step, i.Table); r != nil && r.Kind == schema.PartitionedTable {
				f.Message = fmt.Sprintf("building index %q on every partition of %s blocks %s until the last build finishes", i.Name, quote(table), waiters(l.Mode))
				f.Advice = partitionedIndexAdvice(at.Step.Before, i)
			} else {
				f.Advice = outside(at, "Build it without blocking writes, outside a transaction") + ":\n\n" + concurrently(i.Definition) + ";"
			}
			p.Report(at, f)
		}
	},
}

// rebuilt reports whether the index takes the place of one of the same name
// that the step drops: a rewrite or a type change builds indexes anew.
func rebuilt(s *devdb.Step, i *schema.Index) bool {
	for _, d := range Changes[*schema.DropIndex](s) {
		if d.Index.Schema == i.Schema && d.Index.Name == i.Name {
			return true
		}
	}
	return false
}

// concurrently is the index's definition as a person would write it, with CONCURRENTLY.
func concurrently(definition string) string {
	d := strings.Replace(definition, "INDEX ", "INDEX CONCURRENTLY ", 1)
	d = strings.Replace(d, " USING btree ", " ", 1)
	return strings.Replace(d, " ON public.", " ON ", 1)
}

func partitionedIndexAdvice(before *schema.Catalog, i *schema.Index) string {
	own := *i
	own.OID = 0 // its parts are yet to be built
	return fmt.Sprintf("Create the index on the parent with ONLY, build each partition's index with CONCURRENTLY outside a transaction, and attach them:\n\n%s;\n-- in the next migration, outside a transaction\n%s",
		onParent(i.Definition), partitionIndexes(before, &own))
}

// onParent is the definition of a partitioned table's index, of the parent alone.
func onParent(definition string) string {
	d := strings.Replace(definition, " USING btree ", " ", 1)
	return strings.Replace(d, " ON ONLY public.", " ON ONLY ", 1)
}

// retyped reports whether a change of a column's type makes the constraint
// anew. One that the statement itself drops and adds is another one.
func retyped(s *devdb.Step, k *schema.Constraint) bool {
	return rebuiltConstraint(s, k) && len(Changes[*schema.AlterColumnType](s))+len(Changes[*schema.AlterGenerated](s)) > 0
}

// rebuiltConstraint is rebuilt for constraints.
func rebuiltConstraint(s *devdb.Step, k *schema.Constraint) bool {
	for _, d := range Changes[*schema.DropConstraint](s) {
		if d.Constraint.Table == k.Table && d.Constraint.Name == k.Name {
			return true
		}
	}
	return false
}
