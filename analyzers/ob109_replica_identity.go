package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var replicaIdentity = &Analyzer{
	Rule: lint.Rule{
		ID: "OB109", Name: "published-without-identity", Title: "a published table without a replica identity", Severity: lint.Error,
		Aliases: []string{"atlas:PG314", "squawk:ban-replica-identity"},
		Hazards: []string{"A12", "R01", "R02", "R03"},
	},
	Run: func(p *Pass) {
		lost := map[schema.OID]bool{}
		for m, s := range p.Steps() {
			if len(s.Changes) == 0 {
				continue
			}
			for _, r := range schema.Sorted(s.After.Relations) {
				before := s.Before.Relations[r.OID]
				if lost[r.OID] || r.Kind != schema.Table || r.Persistence != "permanent" || !unidentified(s.After, r) || !unidentified(p.After, p.After.Relations[r.OID]) {
					continue
				}
				if before != nil && unidentified(s.Before, before) {
					continue
				}
				lost[r.OID] = true
				p.Report(At{Migration: m, Step: s}, identityFinding(p, s.After, before == nil, r))
			}
			for _, c := range Changes[*schema.SetReplicaIdentity](s) {
				if c.After.ReplicaIdentity == "full" && !p.NewTable(c.After.OID) && len(publishing(s.After, c.After)) > 0 {
					p.Report(At{Migration: m, Step: s}, lint.Finding{
						Severity: lint.Info, Object: c.After.QualifiedName(),
						Message:  fmt.Sprintf("REPLICA IDENTITY FULL sends the whole old row of %s for every UPDATE and DELETE, and the subscriber has to find it without a key", quote(c.After.QualifiedName())),
						Evidence: []lint.Evidence{catalogEvidence(c.After.QualifiedName(), "published by %s", listPlain(publishing(s.After, c.After), 3))},
						Advice:   fmt.Sprintf("Use a unique index on NOT NULL columns if there is one:\n\nALTER TABLE %s REPLICA IDENTITY USING INDEX …;", relSQL(c.After)),
					})
				}
			}
		}
	},
}

func identityFinding(p *Pass, c *schema.Catalog, fresh bool, r *schema.Relation) lint.Finding {
	name, pubs := r.QualifiedName(), publishing(c, r)
	f := lint.Finding{
		Object:   name,
		Message:  fmt.Sprintf("%s is published and no longer has a replica identity: every UPDATE and DELETE on it will fail", quote(name)),
		Evidence: []lint.Evidence{catalogEvidence(name, "published by %s", listPlain(pubs, 3)), catalogEvidence(name, "REPLICA IDENTITY %s", r.ReplicaIdentity)},
		Advice:   fmt.Sprintf("Set another replica identity before this statement; without a unique index on NOT NULL columns, use the whole row:\n\nALTER TABLE %s REPLICA IDENTITY FULL;", relSQL(r)),
	}
	if joined := p.Before.Relations[r.OID]; !fresh && joined != nil && len(publishing(p.Before, joined)) == 0 {
		f.Message = fmt.Sprintf("%s is published from now on and has no replica identity: every UPDATE and DELETE on it will fail", quote(name))
	}
	if fresh || p.Before.Relations[r.OID] == nil {
		f.Message = fmt.Sprintf("%s is published by %s and has no primary key: every UPDATE and DELETE on it will fail", quote(name), listPlain(pubs, 3))
		f.Advice = fmt.Sprintf("Give the table a primary key, or set its replica identity:\n\nALTER TABLE %s REPLICA IDENTITY FULL;", relSQL(r))
	}
	return f
}

// unidentified reports whether updates of a table are published and cannot be:
// a table that is gone is not.
func unidentified(c *schema.Catalog, r *schema.Relation) bool {
	if r == nil || len(publishing(c, r)) == 0 {
		return false
	}
	switch r.ReplicaIdentity {
	case "full":
		return false
	case "nothing":
		return true
	case "index":
		return !slices.ContainsFunc(indexesOf(c, r.OID), func(i *schema.Index) bool { return i.ReplicaIdentity })
	}
	return !hasPrimaryKey(c, r.OID)
}

// publishing names the publications that publish updates or deletes of a table,
// itself or as a partition.
func publishing(c *schema.Catalog, r *schema.Relation) []string {
	var out []string
	for _, pub := range schema.Sorted(c.Publications) {
		if (slices.Contains(pub.Publishes, "update") || slices.Contains(pub.Publishes, "delete")) && publishes(c, pub, r) {
			out = append(out, fmt.Sprintf("publication %q", pub.Name))
		}
	}
	return out
}

// publishes reports whether a publication holds a table, itself or by a parent, its schema or all tables.
func publishes(c *schema.Catalog, pub *schema.Publication, r *schema.Relation) bool {
	if pub.AllTables {
		return true
	}
	for t := r; t != nil; t = c.Relations[t.PartitionOf] {
		for _, oid := range pub.Schemas {
			if s := c.Schemas[oid]; s != nil && s.Name == t.Schema {
				return true
			}
		}
		if slices.ContainsFunc(pub.Tables, func(x schema.PublicationTable) bool { return x.Table == t.OID }) {
			return true
		}
		if t.PartitionOf == 0 {
			break
		}
	}
	return false
}
