package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var foreignKeyIndex = &Analyzer{
	Rule: lint.Rule{
		ID: "OB107", Name: "foreign-key-without-index", Title: "a foreign key without an index on its columns", Severity: lint.Info,
		Aliases: []string{"eugene:E15"},
		Hazards: []string{"B07", "A13"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			var fs []lint.Finding
			for _, c := range Changes[*schema.AddConstraint](s) {
				k := p.After.Constraints[c.Constraint.OID]
				if k == nil || k.Kind != schema.ForeignKey || k.Parent != 0 || !k.Enforced || keyIndexed(p.After, k) || rebuiltConstraint(s, k) {
					continue
				}
				fs = append(fs, p.keyFinding(p.After, k, "foreign key %[1]q has no index on %[2]s (%[3]s): every DELETE, and every UPDATE of the key, in %[4]s scans all of %[2]s"))
			}
			if len(fs) > 0 {
				p.Report(At{Migration: m, Step: s}, together(fs))
			}
		}
		for at, c := range Each[*schema.DropIndex](p) {
			for _, k := range foreignKeys(p.Before, c.Index.Table) {
				if p.After.Constraints[k.OID] == nil || !k.Enforced || !covers(c.Index, k) || keyIndexed(p.After, k) {
					continue
				}
				f := p.keyFinding(p.After, k, "without index "+quote(c.Index.QualifiedName())+" every DELETE, and every UPDATE of the key, in %[4]s scans all of %[2]s to check foreign key %[1]q")
				f.Severity = lint.Warning
				p.Report(at, f)
			}
		}
	},
}

// together makes one finding of those of one statement: the first says what
// happens, and all of them what is to be made.
func together(fs []lint.Finding) lint.Finding {
	f := fs[0]
	if n := len(fs) - 1; n > 0 {
		f.Message += fmt.Sprintf("; so do %d more of the statement", n)
		if n == 1 {
			f.Message = strings.TrimSuffix(f.Message, "so do 1 more of the statement") + "so does 1 more of the statement"
		}
	}
	for _, o := range fs[1:] {
		f.Evidence = append(f.Evidence, o.Evidence...)
		_, sql, _ := strings.Cut(o.Advice, "\n\n")
		if !strings.Contains(f.Advice, sql) {
			f.Advice += "\n" + sql
		}
	}
	f.Evidence = someEvidence(f.Evidence, 5)
	return f
}

// covers reports whether an index finds the rows of a foreign key: its first
// keys are the key's columns, in any order.
func covers(i *schema.Index, k *schema.Constraint) bool {
	if len(i.Keys) < len(k.Columns) || i.Predicate != "" || !i.Valid || i.Method != "btree" && i.Method != "hash" {
		return false
	}
	for _, key := range i.Keys[:len(k.Columns)] {
		if key.Column == 0 || !slices.Contains(k.Columns, key.Column) {
			return false
		}
	}
	return true
}

// keyIndexed reports whether an index keeps the server from reading all of the
// table for a foreign key: for one of several columns, one that begins with any
// of them leads to a part of the rows.
func keyIndexed(c *schema.Catalog, k *schema.Constraint) bool {
	return slices.ContainsFunc(indexesOf(c, k.Table), func(i *schema.Index) bool {
		return covers(i, k) || len(i.Keys) > 0 && i.Keys[0].Column != 0 && slices.Contains(k.Columns, i.Keys[0].Column) &&
			i.Predicate == "" && i.Valid && i.Method == "btree"
	})
}

func (p *Pass) keyFinding(c *schema.Catalog, k *schema.Constraint, message string) lint.Finding {
	t, ref := c.Relations[k.Table], c.Relations[k.RefTable]
	if t == nil || ref == nil {
		return lint.Finding{}
	}
	cols := columnNames(t, k.Columns)
	var idents []string
	for _, n := range cols {
		idents = append(idents, sqlIdent(n))
	}
	build := "CREATE INDEX CONCURRENTLY"
	if p.IsNew(t.OID) { // nobody waits for it yet, and CONCURRENTLY may not run in the same transaction
		build = "CREATE INDEX"
	}
	return lint.Finding{
		Object:   t.QualifiedName(),
		Message:  fmt.Sprintf(message, k.Name, quote(t.QualifiedName()), strings.Join(cols, ", "), quote(ref.QualifiedName())),
		Evidence: []lint.Evidence{catalogEvidence(t.QualifiedName(), "%s on %s: %s", k.Name, short(t.QualifiedName()), k.Definition)},
		Advice:   fmt.Sprintf("If rows of %s are ever deleted or their keys change, create an index on the referencing columns:\n\n%s ON %s (%s);", quote(ref.QualifiedName()), build, relSQL(t), strings.Join(idents, ", ")),
	}
}
