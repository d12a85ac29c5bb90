package analyzers

import (
	"fmt"
	"regexp"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var partitionGap = &Analyzer{
	Rule: lint.Rule{
		ID: "OB115", Name: "partition-gap", Title: "rows that fit no partition", Severity: lint.Warning,
		Hazards: []string{"P10"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddTable](p) {
			now := p.After.Relations[c.Table.OID]
			if now == nil {
				continue
			}
			if now.Kind == schema.PartitionedTable && len(partitions(p.After, now.OID)) == 0 && now.PartitionOf == 0 {
				p.Report(at, gapFinding(p, now, fmt.Sprintf("%s has no partition yet: every INSERT will fail", quote(now.QualifiedName())), lint.Info))
			}
			if now.PartitionOf != 0 {
				reportGap(p, at, now)
			}
		}
		for at, c := range Each[*schema.AttachPartition](p) {
			if now := p.After.Relations[c.Partition.OID]; now != nil && now.PartitionOf != 0 {
				reportGap(p, at, now)
			}
		}
		for at, c := range Each[*schema.DetachPartition](p) {
			if c.Partition.PartitionBound == "DEFAULT" || defaultBefore(at, c.Partition.OID) {
				reportNoDefault(p, at, c.Parent.OID)
			}
		}
		for at, c := range Each[*schema.DropTable](p) {
			if c.Table.PartitionBound == "DEFAULT" {
				reportNoDefault(p, at, c.Table.PartitionOf)
			}
		}
	},
}

func defaultBefore(at At, oid schema.OID) bool {
	r := at.Step.Before.Relations[oid]
	return r != nil && r.PartitionBound == "DEFAULT"
}

// partitions are the partitions of a table, by OID.
func partitions(c *schema.Catalog, parent schema.OID) []*schema.Relation {
	var out []*schema.Relation
	for _, r := range schema.Sorted(c.Relations) {
		if r.PartitionOf == parent {
			out = append(out, r)
		}
	}
	return out
}

func reportNoDefault(p *Pass, at At, parent schema.OID) {
	r := p.After.Relations[parent]
	if r == nil || p.IsNew(parent) {
		return
	}
	for _, q := range partitions(p.After, parent) {
		if q.PartitionBound == "DEFAULT" {
			return
		}
	}
	p.Report(at, gapFinding(p, r, fmt.Sprintf("%s no longer has a DEFAULT partition: an INSERT of a row that fits no other partition will fail", quote(r.QualifiedName())), lint.Warning))
}

var rangeBound = regexp.MustCompile(`^FOR VALUES FROM \((.*)\) TO \((.*)\)$`)

// reportGap tells a range partition that touches none of the others, where no
// DEFAULT takes what lies between.
func reportGap(p *Pass, at At, r *schema.Relation) {
	parent := p.After.Relations[r.PartitionOf]
	own := rangeBound.FindStringSubmatch(r.PartitionBound)
	if parent == nil || own == nil || own[1] == "MINVALUE" || own[2] == "MAXVALUE" {
		return
	}
	others := 0
	for _, q := range partitions(p.After, parent.OID) {
		if q.PartitionBound == "DEFAULT" {
			return
		}
		b := rangeBound.FindStringSubmatch(q.PartitionBound)
		if q.OID == r.OID || b == nil {
			continue
		}
		if b[2] == own[1] || b[1] == own[2] {
			return
		}
		others++
	}
	if others > 0 {
		p.Report(at, gapFinding(p, parent, fmt.Sprintf("partition %s is not adjacent to another partition of %s: an INSERT of a row in the gap will fail", quote(r.QualifiedName()), quote(parent.QualifiedName())), lint.Warning))
	}
}

func gapFinding(p *Pass, parent *schema.Relation, message string, severity lint.Severity) lint.Finding {
	f := lint.Finding{
		Severity: severity, Object: parent.QualifiedName(), Message: message,
		Advice: fmt.Sprintf("Create the missing partitions, or a default partition:\n\nCREATE TABLE %s PARTITION OF %s DEFAULT;", sqlName(parent.Schema, parent.Name+"_default"), relSQL(parent)),
	}
	for _, q := range partitions(p.After, parent.OID) {
		f.Evidence = append(f.Evidence, catalogEvidence(q.QualifiedName(), "%s: %s", short(q.QualifiedName()), q.PartitionBound))
		if len(f.Evidence) == 8 {
			break
		}
	}
	return f
}
