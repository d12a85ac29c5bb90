package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var tableRewrite = &Analyzer{
	Rule: lint.Rule{
		ID: "LK201", Name: "table-rewrite", Title: "writing a table anew while reads and writes wait", Severity: lint.Error,
		Aliases: []string{
			"atlas:PG301", "atlas:PG302", "atlas:PG307", "atlas:PG309", "atlas:PG310", "atlas:PG311",
			"squawk:changing-column-type", "squawk:adding-field-with-default", "eugene:E5", "eugene:E10", "eugene:E11",
			"strong_migrations:add_column_default", "strong_migrations:add_column_default_callable", "strong_migrations:add_column_generated_stored", "strong_migrations:add_column_auto_incrementing", "strong_migrations:change_column",
		},
		Hazards: []string{"C01", "C02", "C03", "C04", "C05", "C06", "C07", "D07", "D08", "C14", "C22"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			var groups []*rewriteGroup
			for _, r := range s.Rewrites {
				if !isTable(r.Kind) || isTruncate(s, r) || p.IsNew(r.Relation) || rewriteToldElsewhere(s, r) {
					continue
				}
				cause := rewriteCause(s, r)
				i := slices.IndexFunc(groups, func(g *rewriteGroup) bool { return g.cause == cause })
				if i < 0 {
					groups = append(groups, &rewriteGroup{cause: cause})
					i = len(groups) - 1
				}
				groups[i].tables = append(groups[i].tables, r)
			}
			for _, g := range groups {
				p.Report(At{Migration: m, Step: s}, rewriteFinding(s, g))
			}
		}
	},
}

// rewriteGroup is the rewrites of a statement for one cause: of a table and its partitions.
type rewriteGroup struct {
	cause  string
	tables []devdb.Rewrite
}

// rewriteToldElsewhere leaves the commands that do nothing but rewrite to
// their own checks.
func rewriteToldElsewhere(s *devdb.Step, r devdb.Rewrite) bool {
	switch r.Reason {
	case "VACUUM FULL", "CLUSTER", "REFRESH MATERIALIZED VIEW", "REPACK":
		return true
	case "DO", "SELECT", "CALL":
		if clusters(s) {
			return true
		}
	}
	return r.Kind == "materialized view" && !changed(s, r.Relation)
}

func rewriteFinding(s *devdb.Step, g *rewriteGroup) lint.Finding {
	var names []string
	var ev []lint.Evidence
	indexes := 0
	for _, r := range g.tables {
		names = append(names, r.Object)
		ev = append(ev, rewriteEvidence(r))
		if l, ok := inForce(s, r.Relation); ok {
			ev = append(ev, lockEvidence(l))
		}
		for _, x := range s.Rewrites {
			if x.Kind == "index" && x.Table == r.Relation {
				indexes++
			}
		}
	}
	ev = someEvidence(ev, 6)
	if indexes > 0 {
		ev = append(ev, lint.Evidence{Kind: "rewrite", Text: fmt.Sprintf("%s built anew", plural(indexes, "index"))})
	}
	return lint.Finding{
		Object:   names[0],
		Message:  fmt.Sprintf("%s writes all of %s anew: reads and writes wait until it is done", g.cause, list(names, 3)),
		Evidence: ev,
		Advice:   rewriteAdvice(s, g.tables[0]),
	}
}

func rewriteCause(s *devdb.Step, r devdb.Rewrite) string {
	for _, c := range s.Changes {
		switch c := c.(type) {
		case *schema.AlterColumnType:
			if c.Table.OID == r.Relation {
				return fmt.Sprintf("changing %q from %s to %s", c.After.Name, c.Before.Type, c.After.Type)
			}
		case *schema.AddColumn:
			if c.Table.OID == r.Relation {
				return fmt.Sprintf("adding %q %s", c.Column.Name, addedWith(c.Column))
			}
		case *schema.SetPersistence:
			if c.After.OID == r.Relation {
				return "making it " + c.After.Persistence
			}
		case *schema.SetTablespace:
			if c.After.OID == r.Relation {
				return "moving it to another tablespace"
			}
		case *schema.SetAccessMethod:
			if c.After.OID == r.Relation {
				return "changing its access method"
			}
		case *schema.AlterGenerated:
			if c.Table.OID == r.Relation {
				return fmt.Sprintf("changing the expression of %q", c.After.Name)
			}
		}
	}
	return "this statement"
}

func addedWith(c *schema.Column) string {
	switch {
	case c.Generated == "stored":
		return "as a stored generated column"
	case c.Identity != "":
		return "as an identity column"
	case c.Default != "":
		return "with default " + c.Default
	default:
		return "of type " + c.Type
	}
}

func rewriteAdvice(s *devdb.Step, r devdb.Rewrite) string {
	t := rel(s, lead(s, r.Relation))
	if t == nil {
		return ""
	}
	name := relSQL(t)
	for _, c := range s.Changes {
		switch c := c.(type) {
		case *schema.AlterColumnType:
			if c.Table.OID == r.Relation {
				return fmt.Sprintf("Add a column of the new type, keep it in step with a trigger, copy the old values in batches, and swap the two in a later migration:\n\nALTER TABLE %s ADD COLUMN %s %s;",
					name, sqlIdent(c.After.Name+"_new"), c.After.Type)
			}
		case *schema.AddColumn:
			if c.Table.OID != r.Relation {
				continue
			}
			if c.Column.Default != "" && c.Column.Generated == "" && c.Column.Identity == "" {
				return fmt.Sprintf("Add the column without a default, give new rows theirs, and fill the old ones in batches:\n\nALTER TABLE %s ADD COLUMN %s %s;\nALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s;",
					name, sqlIdent(c.Column.Name), c.Column.Type, name, sqlIdent(c.Column.Name), c.Column.Default)
			}
			return fmt.Sprintf("Add a plain column, keep it filled with a trigger, and fill the old rows in batches:\n\nALTER TABLE %s ADD COLUMN %s %s;",
				name, sqlIdent(c.Column.Name), c.Column.Type)
		}
	}
	return "Build a new table beside it, copy the rows in batches while a trigger keeps both in step, and swap the names."
}
