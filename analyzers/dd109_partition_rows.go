package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var partitionViolation = &Analyzer{
	Rule: lint.Rule{
		ID: "DD109", Name: "partition-violation", Title: "a partition whose bound existing rows may break", Severity: lint.Warning, Weight: lint.ByRows,
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
		Evidence: factOf(name, "reads every row of %s: no valid CHECK says that all are within the bound", name),
		Advice:   "Give it a CHECK that says what its bound says, and validate it in an earlier migration; rows that break it show then, and ATTACH reads nothing:\n\n" + provenBound(t),
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
			Evidence: factOf(name, "reads every row of %s for rows that belong into %s", name, part),
			Advice:   fmt.Sprintf("Move such rows out of %s first: detach it, copy them into the new partition, delete them, and attach it again.", short(name)),
		})
	}
}
