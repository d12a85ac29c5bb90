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

var partitionLock = &Analyzer{
	Rule: lint.Rule{
		ID: "LK111", Name: "partition-locks-parent", Title: "locking the whole partitioned table to change one partition", Severity: lint.Warning, Weight: lint.ByWait,
		Aliases: []string{"squawk:require-concurrent-partition-detach"},
		Hazards: []string{"P01", "P04", "P05", "P08"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddTable](p) {
			p.partitionMade(at, c.Table)
		}
		for at, c := range Each[*schema.DetachPartition](p) {
			p.partitionDetached(at, c)
		}
		for at, c := range Each[*schema.DropTable](p) {
			p.partitionDropped(at, c.Table)
		}
		for at, c := range Each[*schema.AttachPartition](p) {
			p.partitionIndexed(at, c)
		}
	},
}

// defaultPartition is the table's default partition, nil if it has none.
func defaultPartition(c *schema.Catalog, parent schema.OID) *schema.Relation {
	for _, r := range schema.Sorted(c.Relations) {
		if r.PartitionOf == parent && r.PartitionBound == "DEFAULT" {
			return r
		}
	}
	return nil
}

var writtenBound = regexp.MustCompile(`(?i)\bFOR VALUES (?:FROM ?\(.*?\) ?TO ?\(.*?\)|IN ?\(.*?\))`)

// boundText is a partition's bound as the statement writes it: the catalog's
// has times of another zone.
func boundText(s *devdb.Step, r *schema.Relation) string {
	text := strings.Join(strings.Fields(s.Stmt.Text), " ")
	if found := writtenBound.FindAllString(text, -1); len(found) == 1 && strings.Count(found[0], "(") == strings.Count(found[0], ")") {
		return found[0]
	}
	return r.PartitionBound
}

// parentLock is the lock on an existing partitioned table, if reads to it wait.
func (p *Pass) parentLock(s *devdb.Step, parent schema.OID) (devdb.Lock, bool) {
	l, ok := inForce(s, parent)
	return l, ok && l.Mode.BlocksReads() && !p.IsNew(parent)
}

// includingAll is what LIKE takes from the parent: a partition may not have an
// identity of its own (17 and later), it uses its parent's.
func includingAll(parent *schema.Relation) string {
	if slices.ContainsFunc(parent.Columns, func(c *schema.Column) bool { return c.Identity != "" }) {
		return "INCLUDING ALL EXCLUDING IDENTITY"
	}
	return "INCLUDING ALL"
}

func (p *Pass) partitionMade(at At, r *schema.Relation) {
	s := at.Step
	l, ok := p.parentLock(s, r.PartitionOf)
	if r.PartitionOf == 0 || !ok {
		return
	}
	parent := rel(s, r.PartitionOf)
	f := lint.Finding{
		Object:   qualified(r.Schema, r.Name),
		Message:  fmt.Sprintf("creating partition %q blocks reads and writes to all of %s while it waits for running queries", r.Name, quote(l.Object)),
		Evidence: []lint.Evidence{lockEvidence(l)},
		Advice: fmt.Sprintf("Create it as a separate table with a CHECK that matches its bound, and attach it, which does not block reads and writes:\n\nCREATE TABLE %s (LIKE %s %s, CONSTRAINT bound CHECK (%s));\nALTER TABLE %s ATTACH PARTITION %s %s;\nALTER TABLE %s DROP CONSTRAINT bound;",
			relSQL(r), relSQL(parent), includingAll(parent), boundCheck(r), relSQL(parent), relSQL(r), boundText(s, r), relSQL(r)),
	}
	if d := defaultPartition(s.Before, r.PartitionOf); d != nil && scanned(s, d.OID) && !p.IsNew(d.OID) {
		f.Severity = lint.Error
		f.Message = fmt.Sprintf("creating partition %q scans the whole default partition %s and blocks reads and writes to all of %s", r.Name, quote(qualified(d.Schema, d.Name)), quote(l.Object))
		for _, x := range s.Scans {
			if x.Relation == d.OID {
				f.Evidence = append(f.Evidence, scanEvidence(x))
			}
		}
		f.Advice = fmt.Sprintf("First add and validate a CHECK that excludes the new partition's rows from the default partition; VALIDATE does not block reads and writes:\n\nALTER TABLE %s ADD CONSTRAINT not_%s CHECK (NOT (%s)) NOT VALID;\n-- in the next migration\nALTER TABLE %s VALIDATE CONSTRAINT not_%s;\n\n%s",
			relSQL(d), r.Name, boundCheck(r), relSQL(d), r.Name, f.Advice)
	}
	p.Report(at, f)
}

func (p *Pass) partitionDetached(at At, c *schema.DetachPartition) {
	s := at.Step
	l, ok := p.parentLock(s, c.Parent.OID)
	if !ok || p.IsNew(c.Partition.OID) || p.Version.Major() < 14 { // CONCURRENTLY came with 14
		return
	}
	f := lint.Finding{
		Object:   qualified(c.Partition.Schema, c.Partition.Name),
		Message:  fmt.Sprintf("detaching %s blocks reads and writes to all of %s while it waits for running queries", quote(qualified(c.Partition.Schema, c.Partition.Name)), quote(l.Object)),
		Evidence: []lint.Evidence{lockEvidence(l)},
		Advice:   outside(at, "Detach it without blocking reads and writes, outside a transaction") + fmt.Sprintf(":\n\nALTER TABLE %s DETACH PARTITION %s CONCURRENTLY;", relSQL(c.Parent), relSQL(c.Partition)),
	}
	if d := defaultPartition(s.Before, c.Parent.OID); d != nil {
		f.Evidence = append(f.Evidence, catalogEvidence(qualified(d.Schema, d.Name), "%s is the default partition: DETACH … CONCURRENTLY is not possible", qualified(d.Schema, d.Name)))
		f.Advice = "DETACH … CONCURRENTLY is not possible while a default partition exists. Detach it in a transaction of its own with a short lock_timeout, and retry until it succeeds."
	}
	p.Report(at, f)
}

// detachConcurrently is the word that does not block reads and writes, where the
// server takes it: from 14 on, and beside no default partition.
func (p *Pass) detachConcurrently(parent schema.OID) string {
	if p.Version.Major() < 14 || defaultPartition(p.After, parent) != nil {
		return ""
	}
	return " CONCURRENTLY"
}

func (p *Pass) partitionDropped(at At, r *schema.Relation) {
	s := at.Step
	parent := s.After.Relations[r.PartitionOf]
	l, ok := p.parentLock(s, r.PartitionOf)
	if r.PartitionOf == 0 || parent == nil || !ok || p.IsNew(r.OID) {
		return
	}
	advice := fmt.Sprintf("Detach it first without blocking reads and writes, and drop it in a later migration:\n\nALTER TABLE %s DETACH PARTITION %s CONCURRENTLY;\n-- in the next migration\nDROP TABLE %s;", relSQL(parent), relSQL(r), relSQL(r))
	if p.Version.Major() < 14 || defaultPartition(s.Before, parent.OID) != nil {
		advice = "Drop it in a transaction of its own with a short lock_timeout, and retry until it succeeds."
	}
	p.Report(at, lint.Finding{
		Object:   qualified(r.Schema, r.Name),
		Message:  fmt.Sprintf("dropping partition %s blocks reads and writes to all of %s while it waits for running queries", quote(qualified(r.Schema, r.Name)), quote(l.Object)),
		Evidence: []lint.Evidence{lockEvidence(l)},
		Advice:   advice,
	})
}

// partitionIndexed tells of the parent's indexes that ATTACH builds on a table that has none like them.
func (p *Pass) partitionIndexed(at At, c *schema.AttachPartition) {
	s := at.Step
	l, ok := inForce(s, c.Partition.OID)
	if p.IsNew(c.Partition.OID) || !ok {
		return
	}
	var names []string
	sql := ""
	for _, a := range Changes[*schema.AddIndex](s) {
		if a.Index.Table == c.Partition.OID {
			names = append(names, qualified(a.Index.Schema, a.Index.Name))
			sql += "\n" + concurrently(a.Index.Definition) + ";"
		}
	}
	if len(names) == 0 {
		return
	}
	p.Report(at, lint.Finding{
		Severity: lint.Error,
		Object:   qualified(c.Partition.Schema, c.Partition.Name),
		Message:  fmt.Sprintf("attaching %s builds %s on it and blocks %s: it has no index that matches an index of %s", quote(qualified(c.Partition.Schema, c.Partition.Name)), indexWord(names), waiters(l.Mode), quote(qualified(c.Parent.Schema, c.Parent.Name))),
		Evidence: slices.Concat([]lint.Evidence{lockEvidence(l)}, scansBelow(s, c.Partition.OID)),
		Advice:   outside(at, "Build it before, outside a transaction") + "; ATTACH then reuses it:\n" + sql,
	})
}

func indexWord(names []string) string {
	if len(names) == 1 {
		return "index " + quote(names[0])
	}
	return plural(len(names), "index")
}
