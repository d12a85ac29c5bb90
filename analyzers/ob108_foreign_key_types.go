package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var foreignKeyTypes = &Analyzer{
	Rule: lint.Rule{
		ID: "OB108", Name: "foreign-key-types", Title: "a foreign key whose column types differ from the referenced columns", Severity: lint.Warning,
		Hazards: []string{"B08"},
	},
	Run: func(p *Pass) {
		told := map[schema.OID]bool{}
		for at, c := range Each[*schema.AddConstraint](p) {
			told[c.Constraint.OID] = true
			if k := p.After.Constraints[c.Constraint.OID]; k != nil && k.Parent == 0 {
				reportTypes(p, at, k, 0)
			}
		}
		for at, c := range Each[*schema.AlterColumnType](p) {
			if p.Before.Relations[c.Table.OID] == nil {
				continue
			}
			// The server makes the keys anew that refer to the column.
			for _, k := range schema.Sorted(p.After.Constraints) {
				if !told[k.OID] && k.Parent == 0 && k.RefTable == c.Table.OID {
					reportTypes(p, at, k, c.After.Num)
				}
			}
		}
	},
}

// reportTypes tells a pair of columns whose types do not fit; with only, none
// but the pair that refers to that column.
func reportTypes(p *Pass, at At, k *schema.Constraint, only int16) {
	t, ref := p.After.Relations[k.Table], p.After.Relations[k.RefTable]
	if k.Kind != schema.ForeignKey || t == nil || ref == nil {
		return
	}
	for i, num := range k.Columns {
		a, b := column(t, num), column(ref, k.RefColumns[i])
		if a == nil || b == nil || only != 0 && b.Num != only {
			continue
		}
		harm := misfit(a, b)
		if harm == "" {
			continue
		}
		from, to := t.QualifiedName()+"."+a.Name, ref.QualifiedName()+"."+b.Name
		p.Report(at, lint.Finding{
			Object:   t.QualifiedName(),
			Message:  fmt.Sprintf("%s is %s but references %s, which is %s: %s", quote(from), a.Type, quote(to), b.Type, harm),
			Evidence: []lint.Evidence{catalogEvidence(t.QualifiedName(), "%s: %s", k.Name, k.Definition)},
			Advice:   fmt.Sprintf("Give %q the type %s, the type of the referenced column.", a.Name, b.Type),
		})
		return
	}
}

var integerSize = map[string]int{"smallint": 2, "integer": 4, "bigint": 8}

// misfit says what is wrong with a reference from a column to another one;
// empty if the types fit. A wider integer than the referenced one does no harm.
func misfit(a, b *schema.Column) string {
	if a.TypeOID == b.TypeOID {
		return ""
	}
	x, y := integerSize[a.Type], integerSize[b.Type]
	switch {
	case x > 0 && y > 0 && x >= y:
		return ""
	case x > 0 && y > 0:
		return fmt.Sprintf("keys above %s cannot be referenced", map[int]string{2: "32767", 4: "2147483647"}[x])
	case isText(a.Type) && isText(b.Type):
		return ""
	}
	return "every check casts one of them, so an index on it is not used"
}

func isText(t string) bool { return t == "text" || strings.HasPrefix(t, "character varying") }
