package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// The conventions about indexes and constraints.
var (
	nullableUnique = convention("CV114", "nullable-unique", "a unique index on a nullable column", []string{"S20"}, nil, func(p *Pass) {
		for at, c := range Each[*schema.AddIndex](p) {
			i, t := c.Index, p.After.Relations[c.Index.Table]
			if !i.Unique || i.Primary || i.NullsNotDistinct || i.Parent != 0 || t == nil || i.Predicate != "" {
				continue
			}
			for _, k := range i.Keys {
				if col := column(t, k.Column); col != nil && !col.NotNull {
					p.Report(at, lint.Finding{
						Object: i.QualifiedName(), Message: fmt.Sprintf("unique index %q accepts any number of rows in which %q is NULL", i.Name, col.Name),
						Evidence: []lint.Evidence{catalogEvidence(i.QualifiedName(), "%s", i.Definition)},
						Advice:   "Make the column NOT NULL, or write NULLS NOT DISTINCT (PostgreSQL 15 and later), or add WHERE … IS NOT NULL if this is intended.",
					})
					break
				}
			}
		}
	})
	hashIndex = convention("CV116", "hash-index", "a hash index", []string{"A14"}, nil, func(p *Pass) {
		p.newIndexes(func(i *schema.Index, _ *schema.Relation) (string, string) {
			if i.Method == "hash" {
				return "is a hash index: it supports only equality on one column, and cannot be unique", "Use a btree index."
			}
			return "", ""
		})
	})
	ginIndex = convention("CV117", "gin-index", "a GIN index with its defaults", []string{"A15"}, nil, func(p *Pass) {
		p.newIndexes(func(i *schema.Index, t *schema.Relation) (string, string) {
			if i.Method != "gin" || p.IsNew(i.Table) {
				return "", ""
			}
			if !slices.Contains(i.Options, "fastupdate=off") && !slices.Contains(i.Options, "fastupdate=false") {
				return "collects writes in a pending list, and from time to time one INSERT has to flush it", "Use WITH (fastupdate = off) if occasional slow writes are worse than slightly slower writes in general."
			}
			for _, k := range i.Keys {
				if col := column(t, k.Column); col != nil && col.Type == "jsonb" && k.Opclass == "" {
					return "indexes every key and value of the jsonb separately", "If queries use @> alone, jsonb_path_ops is smaller and faster."
				}
			}
			return "", ""
		})
	})
	manyIndexes = convention("CV118", "many-indexes", "wide indexes, or many indexes", []string{"A16"}, []string{"strong_migrations:add_index_columns"}, func(p *Pass) {
		p.newIndexes(func(i *schema.Index, t *schema.Relation) (string, string) {
			if n := len(i.Keys); n > 3 && !i.Unique {
				return fmt.Sprintf("has %d columns: queries rarely use more than the first three, and every write maintains all", n), "Remove the last ones, or move them to INCLUDE."
			}
			if n := len(indexesOf(p.After, t.OID)); n > 10 {
				return fmt.Sprintf("is one of %d on %q: every INSERT writes all of them", n, t.Name), "Check pg_stat_user_indexes for unused ones."
			}
			return "", ""
		})
	})
	notEnforced = convention("CV121", "not-enforced", "a constraint that is not enforced", []string{"B15"}, nil, func(p *Pass) {
		for at, c := range Each[*schema.AddConstraint](p) {
			if !c.Constraint.Enforced && c.Constraint.Parent == 0 {
				p.Report(at, lint.Finding{
					Object: c.Constraint.Name, Message: fmt.Sprintf("constraint %q is NOT ENFORCED: rows that violate it are accepted", c.Constraint.Name),
					Evidence: []lint.Evidence{catalogEvidence(c.Constraint.Name, "%s", c.Constraint.Definition)}, Advice: "Remove NOT ENFORCED, or use NOT VALID and validate it later.",
				})
			}
		}
	})
	columnStorage = convention("CV122", "column-storage", "a storage change that does not affect existing rows", []string{"C23"}, nil, func(p *Pass) {
		for at, c := range Each[*schema.AlterColumnStorage](p) {
			p.Report(at, lint.Finding{
				Object: c.Table.QualifiedName() + "." + c.After.Name, Severity: lint.Info, Message: fmt.Sprintf("storage of %q changes only for values written from now on: existing values keep theirs", c.After.Name),
				Evidence: []lint.Evidence{catalogEvidence(c.Table.QualifiedName(), "%s %s, before %s %s", c.After.Storage, c.After.Compression, c.Before.Storage, c.Before.Compression)},
				Advice:   "To change existing values, rewrite the rows in batches.",
			})
		}
	})
	enumPlace = convention("CV124", "enum-value-place", "a new enum value without a position", []string{"F20"}, []string{"squawk:require-enum-value-ordering"}, func(p *Pass) {
		for at, c := range Each[*schema.AddEnumValue](p) {
			for _, a := range at.Step.Stmt.Syntax.Actions {
				if a.Kind == "ADD VALUE" && a.Place == "" && a.Name == c.Value && p.Before.Types[c.Type.OID] != nil {
					p.Report(at, lint.Finding{
						Object: c.Type.QualifiedName(), Message: fmt.Sprintf("value %q comes last in the order of %q, which cannot be changed later", c.Value, c.Type.Name),
						Evidence: syntaxEvidence("ADD VALUE without BEFORE or AFTER"), Advice: "Add BEFORE or AFTER with another value.",
					})
				}
			}
		}
	})
	createEnum = convention("CV125", "enum-type", "an enum, whose values cannot be removed", []string{"F23"}, []string{"eugene:W13"}, func(p *Pass) {
		for at, c := range Each[*schema.AddType](p) {
			if c.Type.Kind == schema.Enum {
				p.Report(at, lint.Finding{
					Object: c.Type.QualifiedName(), Message: fmt.Sprintf("no value can be removed from enum %q, and its order cannot be changed", c.Type.Name),
					Evidence: []lint.Evidence{catalogEvidence(c.Type.QualifiedName(), "enum (%s)", strings.Join(c.Type.Labels, ", "))},
					Advice:   "Use a table of the values with a foreign key, or text with a CHECK.",
				})
			}
		}
	})
	filledView = convention("CV130", "materialized-view-filled", "a materialized view that is populated in the migration", []string{"F06"}, nil, func(p *Pass) {
		for at, c := range Each[*schema.AddView](p) {
			if c.View.Kind != schema.MaterializedView || !c.View.Populated {
				continue
			}
			for _, x := range at.Step.Scans {
				if !p.IsNew(x.Relation) {
					p.Report(at, lint.Finding{
						Object: c.View.QualifiedName(), Message: fmt.Sprintf("materialized view %q is populated in the migration: its whole query runs in the transaction", c.View.Name),
						Evidence: []lint.Evidence{scanEvidence(x)}, Advice: "Create it WITH NO DATA, and REFRESH it outside the migration.",
					})
					break
				}
			}
		}
	})
	searchWithoutIndex = convention("CV128", "search-column-without-index", "a search column without an index", []string{"S17"}, nil, func(p *Pass) {
		for at, c := range p.newColumns() {
			if !typeIs(c, "tsvector", "geometry", "geography", "vector", "point", "polygon", "circle") {
				continue
			}
			if slices.ContainsFunc(indexesOf(p.After, c.table.OID), func(i *schema.Index) bool {
				return slices.ContainsFunc(i.Keys, func(k schema.IndexKey) bool { return k.Column == c.column.Num })
			}) {
				continue
			}
			p.Report(at, lint.Finding{
				Object: c.name(), Message: fmt.Sprintf("column %q is meant for searching and has no index: every search scans the whole table", c.column.Name),
				Evidence: []lint.Evidence{catalogEvidence(c.name(), "type %s, no index", c.column.Type)}, Advice: "Add a GIN, GiST or HNSW index, depending on the type.",
			})
		}
	})
)

// newIndexes reports indexes that CREATE INDEX makes.
func (p *Pass) newIndexes(tell func(*schema.Index, *schema.Relation) (wrong, instead string)) {
	for at, c := range Each[*schema.AddIndex](p) {
		i, t := c.Index, p.After.Relations[c.Index.Table]
		if t == nil || i.Parent != 0 || i.Constraint != 0 {
			continue
		}
		if wrong, instead := tell(i, t); wrong != "" {
			p.Report(at, lint.Finding{
				Object: i.QualifiedName(), Message: fmt.Sprintf("index %q %s", i.Name, wrong),
				Evidence: []lint.Evidence{catalogEvidence(i.QualifiedName(), "%s", i.Definition)}, Advice: instead,
			})
		}
	}
}
