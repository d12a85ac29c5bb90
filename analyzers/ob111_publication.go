package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var publication = &Analyzer{
	Rule: lint.Rule{
		ID: "OB111", Name: "publication", Title: "a change that affects subscribers of a publication", Severity: lint.Warning,
		Hazards: []string{"R04", "R05"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropPublication](p) {
			if p.Before.Publications[c.Publication.OID] != nil {
				p.Report(at, publicationFinding(c.Publication, fmt.Sprintf("publication %q is dropped: its subscribers stop with an error", c.Publication.Name)))
			}
		}
		for at, c := range Each[*schema.AlterPublication](p) {
			if p.Before.Publications[c.After.OID] != nil {
				for _, text := range publicationLosses(at, c) {
					f := publicationFinding(c.After, text)
					if at.Step.Stmt.Syntax.Tag != "ALTER PUBLICATION" {
						f.Severity = lint.Error // it falls with something else, by CASCADE
					}
					p.Report(at, f)
				}
			}
		}
		for at, c := range Each[*schema.AddColumn](p) {
			subscribersFirst(p, at, c.Table, c.Column, fmt.Sprintf("column %q is new", c.Column.Name))
		}
		for at, c := range Each[*schema.RenameColumn](p) {
			subscribersFirst(p, at, c.Table, c.After, fmt.Sprintf("column %q is now %q", c.Before.Name, c.After.Name))
		}
	},
}

func publicationFinding(pub *schema.Publication, text string) lint.Finding {
	return lint.Finding{
		Object: pub.Name, Message: text,
		Evidence: []lint.Evidence{catalogEvidence(pub.Name, "publication %s", pub.Name)},
		Advice:   "Change the subscriptions first, and run ALTER SUBSCRIPTION … REFRESH PUBLICATION afterwards.",
	}
}

// publicationLosses says what a publication no longer publishes.
func publicationLosses(at At, c *schema.AlterPublication) []string {
	var out []string
	for _, t := range c.Before.Tables {
		r := at.Step.Before.Relations[t.Table]
		if r == nil || at.Step.After.Relations[t.Table] == nil {
			continue
		}
		i := slices.IndexFunc(c.After.Tables, func(x schema.PublicationTable) bool { return x.Table == t.Table })
		switch {
		case i < 0:
			if !publishes(at.Step.After, c.After, at.Step.After.Relations[t.Table]) {
				out = append(out, fmt.Sprintf("publication %q no longer contains %s: subscribers keep their rows and receive no more changes", c.After.Name, quote(r.QualifiedName())))
			}
		case c.After.Tables[i].Columns != nil && (t.Columns == nil || len(c.After.Tables[i].Columns) < len(t.Columns)):
			out = append(out, fmt.Sprintf("publication %q sends fewer columns of %s", c.After.Name, quote(r.QualifiedName())))
		case c.After.Tables[i].Where != t.Where && c.After.Tables[i].Where != "":
			out = append(out, fmt.Sprintf("publication %q sends only rows of %s where %s", c.After.Name, quote(r.QualifiedName()), c.After.Tables[i].Where))
		}
	}
	for _, what := range c.Before.Publishes {
		if !slices.Contains(c.After.Publishes, what) {
			out = append(out, fmt.Sprintf("publication %q no longer publishes %s", c.After.Name, what))
		}
	}
	return out
}

// subscribersFirst tells a column that subscribers must have before the publisher.
func subscribersFirst(p *Pass, at At, r *schema.Relation, col *schema.Column, what string) {
	if p.NewTable(r.OID) || r.Kind != schema.Table && r.Kind != schema.PartitionedTable || r.Persistence != "permanent" || r.PartitionOf != 0 || col.Generated != "" {
		return
	}
	var pubs []string
	for _, pub := range schema.Sorted(p.Before.Publications) {
		if !publishes(at.Step.After, pub, r) || columnListed(pub, r.OID) {
			continue
		}
		pubs = append(pubs, fmt.Sprintf("publication %q", pub.Name))
	}
	if len(pubs) == 0 {
		return
	}
	p.Report(at, lint.Finding{
		Object:   r.QualifiedName(),
		Message:  fmt.Sprintf("%s in published table %s: a subscriber that does not have it stops applying changes at the next row", what, quote(r.QualifiedName())),
		Evidence: []lint.Evidence{catalogEvidence(r.QualifiedName(), "published by %s; DDL is not replicated", listPlain(pubs, 3))},
		Advice:   "Run the same change on every subscriber first.",
	})
}

// columnListed reports whether a publication names the table's columns, so that a new one is not sent.
func columnListed(pub *schema.Publication, table schema.OID) bool {
	return slices.ContainsFunc(pub.Tables, func(t schema.PublicationTable) bool { return t.Table == table && t.Columns != nil })
}
