package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var partitionViolation = &Analyzer{
	Rule: lint.Rule{
		ID: "DD109", Name: "partition-violation", Title: "existing rows may violate the bound of a new partition", Severity: lint.Warning, Weight: lint.ByRows,
		Hazards: []string{"P02", "P03"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AttachPartition](p) {
			p.partitionDemand(at, c.Partition)
			p.defaultDemand(at, c.Parent.OID, c.Partition)
		}
	},
}

// partitionDemand tells that rows of the attached table may lie outside its bound.
func (p *Pass) partitionDemand(at At, t *schema.Relation) {
	if p.IsNew(t.OID) || !reads(at.Step, t.OID) || t.PartitionBound == "DEFAULT" {
		return
	}
	name := qualified(t.Schema, t.Name)
	p.reportDemand(at, devdb.DemandPartition, relRef(t.OID), t.OID, lint.Finding{
		Object:   name,
		Message:  fmt.Sprintf("attaching %s fails if one of its rows is not %s", quote(name), boundText(at.Step, t)),
		Evidence: factOf(name, "scans %s: no valid CHECK guarantees that all rows are within the bound", name),
		Advice:   "Give it a CHECK that matches its bound, and validate it in an earlier migration; VALIDATE finds violating rows, and ATTACH then skips the scan:\n\n" + provenBound(t),
	})
}

// defaultDemand tells that the DEFAULT partition may hold rows that belong into the new one.
func (p *Pass) defaultDemand(at At, parent schema.OID, t *schema.Relation) {
	for _, d := range schema.Sorted(at.Step.Before.Relations) {
		if d.PartitionOf != parent || d.PartitionBound != "DEFAULT" || p.IsNew(d.OID) || !reads(at.Step, d.OID) {
			continue
		}
		name, part := qualified(d.Schema, d.Name), qualified(t.Schema, t.Name)
		p.reportDemand(at, devdb.DemandPartition, relRef(d.OID), d.OID, lint.Finding{
			Object:   name,
			Message:  fmt.Sprintf("adding partition %s fails if the default partition %s holds rows %s", quote(part), quote(name), boundText(at.Step, t)),
			Evidence: factOf(name, "scans %s for rows that belong to %s", name, part),
			Advice:   fmt.Sprintf("First move such rows out of %s: detach it, copy the rows into the new partition, delete them, and attach it again.", short(name)),
		})
	}
}
