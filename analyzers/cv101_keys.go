package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// The conventions about keys and what belongs to a table as a whole.
var (
	intKey = convention("CV101", "int-key", "an integer key overflows at two billion", []string{"S01"},
		[]string{"squawk:prefer-bigint-over-int", "squawk:prefer-bigint-over-smallint", "squawk:prefer-big-int"}, func(p *Pass) {
			p.keys(func(c columnOf) (string, string) {
				switch c.column.Type {
				case "integer":
					return "overflows at 2147483647, and so does every foreign key on it", "Write bigint."
				case "smallint":
					return "overflows at 32767, and so does every foreign key on it", "Write bigint."
				}
				return "", ""
			})
		})
	noPrimaryKey = convention("CV108", "no-primary-key", "a table without a primary key", []string{"S08"}, nil, func(p *Pass) {
		for at, t := range p.newTables() {
			if t.Kind == schema.ForeignTable || len(t.Inherits) > 0 || hasPrimaryKey(p.After, t.OID) {
				continue
			}
			p.Report(at, lint.Finding{
				Object: t.QualifiedName(), Message: fmt.Sprintf("table %q has no primary key: rows have no identity, and logical replication cannot update or delete them", t.Name),
				Evidence: []lint.Evidence{catalogEvidence(t.QualifiedName(), "no primary key after the last new migration")},
				Advice:   "Give it one.",
			})
		}
	})
	randomKey = convention("CV109", "random-uuid-key", "a random uuid as the primary key", []string{"S09"}, nil, func(p *Pass) {
		p.keys(func(c columnOf) (string, string) {
			if c.column.Type == "uuid" && (strings.Contains(c.column.Default, "gen_random_uuid") || strings.Contains(c.column.Default, "uuid_generate_v4") || strings.Contains(c.column.Default, "uuidv4")) {
				return "gets random values: each INSERT writes to a random page of the index", "Use bigint, or let the application generate version 7 uuids (uuidv7() from PostgreSQL 18 on)."
			}
			return "", ""
		})
	})
	temporaryTable = convention("CV113", "temporary-table", "a temporary table in a migration", []string{"S19"}, nil, func(p *Pass) {
		for at, c := range Each[*schema.AddTable](p) {
			if c.Table.Persistence != "temporary" {
				continue
			}
			p.Report(at, lint.Finding{
				Object: c.Table.Name, Message: fmt.Sprintf("table %q is dropped when the connection closes", c.Table.Name),
				Evidence: []lint.Evidence{catalogEvidence(c.Table.Name, "temporary")}, Advice: "Use a WITH query instead.",
			})
		}
	})
)

// keys reports single columns that are the primary key of a new table.
func (p *Pass) keys(tell func(columnOf) (wrong, instead string)) {
	for at, t := range p.newTables() {
		key := primaryKey(p.After, t.OID)
		if len(key) != 1 {
			continue
		}
		c := columnOf{t, column(t, key[0])}
		if c.column == nil {
			continue
		}
		if wrong, instead := tell(c); wrong != "" {
			p.Report(at.column(c.column.Name), lint.Finding{
				Object: c.name(), Message: fmt.Sprintf("primary key %q of %q %s", c.column.Name, t.Name, wrong),
				Evidence: []lint.Evidence{catalogEvidence(c.name(), "type %s", c.column.Type)}, Advice: instead,
			})
		}
	}
}
