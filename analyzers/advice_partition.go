package analyzers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// boundCheck is the condition that a partition's bound puts on its rows.
func boundCheck(r *schema.Relation) string {
	return cmp.Or(bare(r.PartitionCheck), "…")
}

// provenBound is the SQL that proves a partition's bound before it is attached.
func provenBound(r *schema.Relation) string {
	t := sqlName(r.Schema, r.Name)
	return fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT bound CHECK (%s) NOT VALID;\n-- in the next migration\nALTER TABLE %s VALIDATE CONSTRAINT bound;", t, boundCheck(r), t)
}

// mostPartitions is how many partitions an advice names.
const mostPartitions = 8

// partitionIndexes is the SQL that builds an index on each partition, and on
// theirs, without blocking writes, and attaches them to that of the parent. The
// parent's own is there already.
func partitionIndexes(c *schema.Catalog, parent *schema.Index) string {
	var b strings.Builder
	n := partitionIndex(&b, c, parent, 0)
	if n > mostPartitions {
		fmt.Fprintf(&b, "-- and the same for the other %d", n-mostPartitions)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func partitionIndex(b *strings.Builder, c *schema.Catalog, parent *schema.Index, n int) int {
	for _, r := range schema.Sorted(c.Relations) {
		if r.PartitionOf != parent.Table || r.Kind == schema.ForeignTable {
			continue
		}
		if n++; n > mostPartitions {
			continue
		}
		i := indexPart(c, parent, r)
		only := ""
		if r.Kind == schema.PartitionedTable {
			only = "ONLY "
		}
		head, rest, _ := strings.Cut(parent.Definition, " USING ")
		head = head[:strings.Index(head, "INDEX ")] + "INDEX "
		if only == "" {
			head += "CONCURRENTLY "
		}
		rest = strings.TrimPrefix(rest, "btree ")
		if !strings.HasPrefix(rest, "(") {
			rest = "USING " + rest
		}
		if i.Definition == "" { // it is not there yet
			fmt.Fprintf(b, "%s%s ON %s%s %s;\n", head, sqlIdent(i.Name), only, relSQL(r), rest)
		}
		if r.Kind == schema.PartitionedTable {
			i.Table = r.OID
			i.Definition = cmp.Or(i.Definition, parent.Definition)
			n = partitionIndex(b, c, i, n)
		}
		fmt.Fprintf(b, "ALTER INDEX %s ATTACH PARTITION %s;\n", sqlName(parent.Schema, parent.Name), sqlName(i.Schema, i.Name))
	}
	return n
}

// indexPart is the partition's part of an index: one that is there and not
// attached, or one to be built, under the name that the server would give it.
func indexPart(c *schema.Catalog, parent *schema.Index, r *schema.Relation) *schema.Index {
	for _, i := range schema.Sorted(c.Indexes) {
		if i.Table == r.OID && i.Parent == parent.OID && parent.OID != 0 {
			return &schema.Index{Schema: i.Schema, Name: i.Name, OID: i.OID}
		}
	}
	for _, i := range schema.Sorted(c.Indexes) {
		if i.Table == r.OID && i.Parent == 0 && i.Constraint == 0 && i.Unique == parent.Unique && i.Method == parent.Method && i.Predicate == parent.Predicate && slices.Equal(i.Keys, parent.Keys) {
			copied := *i
			return &copied
		}
	}
	var keys []string
	for _, k := range parent.Keys {
		if k.Column == 0 {
			keys = append(keys, "expr")
		} else {
			keys = append(keys, strings.Trim(k.Text, `"`))
		}
	}
	name := r.Name + "_" + strings.Join(keys, "_") + "_idx"
	if len(name) > 63 {
		name = name[:63]
	}
	return &schema.Index{Schema: r.Schema, Name: name}
}
