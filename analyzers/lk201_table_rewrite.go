package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var tableRewrite = &Analyzer{
	Rule: lint.Rule{
		ID: "LK201", Name: "table-rewrite", Title: "rewriting a table while blocking reads and writes", Severity: lint.Error, Weight: lint.ByLock,
		Covers: []string{"BC106", "LK113", "LK202", "LK208"}, // what is to be done instead keeps the old column
		Aliases: []string{
			"atlas:PG301", "atlas:PG302", "atlas:PG307", "atlas:PG309", "atlas:PG310", "atlas:PG311",
			"squawk:changing-column-type", "squawk:adding-field-with-default", "eugene:E5", "eugene:E10", "eugene:E11",
			"strong_migrations:add_column_default", "strong_migrations:add_column_default_callable", "strong_migrations:add_column_generated_stored", "strong_migrations:add_column_auto_incrementing", "strong_migrations:change_column",
		},
		Hazards: []string{"C01", "C02", "C03", "C04", "C05", "C06", "C07", "D07", "D08", "C14", "C22"},
	},
	Fix: (*offer).defaultApart,
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			var groups []*rewriteGroup
			for _, r := range s.Rewrites {
				if !isTable(r.Kind) || isTruncate(s, r) || p.IsNew(r.Relation) || rewriteToldElsewhere(s, r) {
					continue
				}
				causes := rewriteCauses(s, r)
				cause := rewriteCause(s, causes)
				i := slices.IndexFunc(groups, func(g *rewriteGroup) bool { return g.cause == cause })
				if i < 0 {
					groups = append(groups, &rewriteGroup{cause: cause, changes: causes})
					i = len(groups) - 1
				}
				groups[i].tables = append(groups[i].tables, r)
			}
			for _, g := range groups {
				at := At{Migration: m, Step: s}
				if len(g.changes) > 0 {
					at = at.of(g.changes[0])
				}
				p.Report(at, rewriteFinding(at, g))
			}
		}
	},
}

// rewriteGroup is the rewrites of a statement for one cause: of a table and its partitions.
type rewriteGroup struct {
	cause   string
	changes []schema.Change // of the first table
	tables  []devdb.Rewrite
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

func rewriteFinding(at At, g *rewriteGroup) lint.Finding {
	s := at.Step
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
		ev = append(ev, lint.Evidence{Kind: "rewrite", Text: fmt.Sprintf("rebuilt %s", plural(indexes, "index"))})
	}
	return lint.Finding{
		Object:   names[0],
		On:       relName(s, lead(s, g.tables[0].Relation)),
		Message:  fmt.Sprintf("%s rewrites all of %s, blocking reads and writes until it finishes", g.cause, list(names, 3)),
		Evidence: ev,
		Advice:   rewriteAdvice(at, g),
	}
}

// rewriteCauses are what the statement changes of the table, of which the server
// says that it was the reason to write it anew.
func rewriteCauses(s *devdb.Step, r devdb.Rewrite) []schema.Change {
	var sure, maybe []schema.Change
	for _, c := range s.Changes {
		switch c := c.(type) {
		case *schema.AlterColumnType:
			if c.Table.OID == r.Relation && rewriteFor(r, "column type") && !widened(c) {
				sure = append(sure, c)
			}
		case *schema.AddColumn:
			switch {
			case c.Table.OID != r.Relation || !rewriteFor(r, "default value"):
			case c.Column.Generated == "stored" || c.Column.Identity != "" || domain(s.After, c.Column.TypeOID):
				sure = append(sure, c)
			case c.Column.Default != "" && c.Column.Generated == "" && !constantDefault.MatchString(c.Column.Default):
				sure = append(sure, c)
			case c.Column.Default != "" && c.Column.Generated == "":
				maybe = append(maybe, c)
			}
		case *schema.SetPersistence:
			if c.After.OID == r.Relation {
				sure = append(sure, c)
			}
		case *schema.SetTablespace:
			if c.After.OID == r.Relation {
				sure = append(sure, c)
			}
		case *schema.SetAccessMethod:
			if c.After.OID == r.Relation {
				sure = append(sure, c)
			}
		case *schema.AlterGenerated:
			if c.Table.OID == r.Relation {
				sure = append(sure, c)
			}
		}
	}
	if len(sure) == 0 {
		return maybe
	}
	return sure
}

// rewriteFor reports whether the server gave a reason to rewrite, or none.
func rewriteFor(r devdb.Rewrite, reason string) bool {
	known := false
	for _, x := range []string{"column type", "default value", "persistence", "access method"} {
		known = known || strings.Contains(r.Reason, x)
	}
	return !known || strings.Contains(r.Reason, reason)
}

// constantDefault is a default that is computed once for all rows: a literal,
// with a cast or not, or the time of the transaction.
var constantDefault = regexp.MustCompile(`^\(?(?:'(?:[^']|'')*'|-?[\d.]+|true|false|now\(\)|CURRENT_(?:TIMESTAMP|DATE|USER))\)?(?:::[\w ."\[\]]+(?:\(\d+(?:,\d+)?\))?)*$`)

// widened reports whether a type becomes one that takes all of its values as
// they are stored: text, or numeric with as many digits behind the point.
func widened(c *schema.AlterColumnType) bool {
	b, a := parseType(c.Before.Type), parseType(c.After.Type)
	if b.base == "numeric" && a.base == "numeric" {
		bp, bs, had := b.numeric()
		ap, as, limited := a.numeric()
		return b.array == a.array && (!limited || had && bs == as && bp <= ap)
	}
	plain := []string{"text", "character varying"}
	return slices.Contains(plain, b.base) && slices.Contains(plain, a.base) && b.array == a.array && (a.limit() == 0 || b.limit() > 0 && b.limit() <= a.limit())
}

func rewriteCause(s *devdb.Step, causes []schema.Change) string {
	var out []string
	for _, c := range causes {
		switch c := c.(type) {
		case *schema.AlterColumnType:
			out = append(out, fmt.Sprintf("changing %q from %s to %s", c.After.Name, c.Before.Type, c.After.Type))
		case *schema.AddColumn:
			out = append(out, fmt.Sprintf("adding %q %s", c.Column.Name, addedWith(s, c.Column)))
		case *schema.SetPersistence:
			out = append(out, "changing it to "+c.After.Persistence)
		case *schema.SetTablespace:
			out = append(out, "moving it to another tablespace")
		case *schema.SetAccessMethod:
			out = append(out, "changing its access method")
		case *schema.AlterGenerated:
			out = append(out, fmt.Sprintf("changing the expression of %q", c.After.Name))
		}
	}
	if len(out) == 0 {
		return "this statement"
	}
	return listPlain(out, 3)
}

func addedWith(s *devdb.Step, c *schema.Column) string {
	switch {
	case domain(s.After, c.TypeOID) && c.Generated == "" && (c.Default == "" || constantDefault.MatchString(c.Default)):
		return "of domain " + short(c.Type) + ", which has a constraint,"
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

func rewriteAdvice(at At, g *rewriteGroup) string {
	s, r := at.Step, g.tables[0]
	t := rel(s, lead(s, r.Relation))
	if t == nil {
		return ""
	}
	name := relSQL(t)
	for _, c := range g.changes {
		switch c := c.(type) {
		case *schema.AlterColumnType:
			return retypeAdvice(at, t, c)
		case *schema.AddColumn:
			if d := s.After.Types[c.Column.TypeOID]; d != nil && domain(s.After, d.OID) {
				with := ""
				if constantDefault.MatchString(c.Column.Default) {
					with = " DEFAULT " + c.Column.Default
				}
				if c.Column.NotNull {
					with = " NOT NULL" + with
				}
				return fmt.Sprintf("Add the column with the domain's base type, and the domain's condition as a CHECK that is validated later:\n\nALTER TABLE %s ADD COLUMN %s %s%s;\nALTER TABLE %s ADD CONSTRAINT … CHECK (…) NOT VALID;\n-- in the next migration\nALTER TABLE %s VALIDATE CONSTRAINT …;",
					name, sqlIdent(c.Column.Name), d.Base, with, name, name)
			}
			if c.Column.Default != "" && c.Column.Generated == "" && c.Column.Identity == "" {
				return defaultAdvice(s, t, c)
			}
			if c.Column.Generated != "" {
				return "Add a plain column, keep it up to date with a trigger, and backfill existing rows in batches:\n\n" + otherActions(s, c) + strings.TrimSuffix(grown(s, t, c.Column, c.Column.Name, bare(c.Column.Default)), "\n")
			}
			return fmt.Sprintf("Add a plain column, backfill existing rows in batches, and make it NOT NULL and an identity column in a later migration:\n\n%sALTER TABLE %s ADD COLUMN %s %s;",
				otherActions(s, c), name, sqlIdent(c.Column.Name), c.Column.Type)
		case *schema.SetPersistence:
			if c.After.Persistence == "unlogged" {
				return "Keep it logged. For rows that may be lost, create a separate unlogged table."
			}
		}
	}
	return "Create a new table, copy the rows in batches while a trigger keeps both tables in sync, and swap the names."
}
