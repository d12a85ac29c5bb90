package devdb

import (
	"slices"

	"github.com/assaydb/assay/internal/schema"
)

// Converted are the columns whose values a step converts: those that get another
// type or collation, and those that a USING computes in the type that they have.
func (s *Step) Converted() []*schema.AlterColumnType {
	var out []*schema.AlterColumnType
	for _, c := range s.Changes {
		if c, ok := c.(*schema.AlterColumnType); ok {
			out = append(out, c)
		}
	}
	for _, a := range s.Stmt.Syntax.Actions {
		for _, r := range s.Rewrites {
			t := s.After.Relations[r.Relation]
			if a.Kind != "ALTER COLUMN TYPE" || !a.Using || t == nil || t.ColumnNamed(a.Name) == nil {
				continue
			}
			if col := t.ColumnNamed(a.Name); !slices.ContainsFunc(out, func(c *schema.AlterColumnType) bool { return c.Table.OID == t.OID && c.After.Num == col.Num }) {
				out = append(out, &schema.AlterColumnType{Table: t, Before: col, After: col})
			}
		}
	}
	return out
}
