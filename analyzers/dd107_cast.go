package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var castFailure = &Analyzer{
	Rule: lint.Rule{
		ID: "DD107", Name: "cast-failure", Title: "existing values may not fit the new column type", Severity: lint.Warning, Weight: lint.ByRows,
		Hazards: []string{"C12", "F22"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AlterColumnType](p) {
			if !p.holdsOldValues(at, c) {
				continue
			}
			target := columnRef(c.Table.OID, c.After.Num)
			proof := at.Step.Proof(devdb.DemandCast, target)
			proven := proof != nil && proof.Outcome == devdb.Fails
			using := usingOf(at, c.After.Name)
			why := castFails(at.Step.After, c.Before, c.After)
			if why == "" && proven {
				why = "cannot be turned into " + short(c.After.Type)
			}
			if why == "" || !proven && (castLoses(c.Before, c.After, using) != "" || mends(using)) {
				continue
			}
			p.reportDemand(at, devdb.DemandCast, target, c.Table.OID, castFinding(c, why))
		}
	},
}

// holdsOldValues reports whether the column holds values from before the change.
func (p *Pass) holdsOldValues(at At, c *schema.AlterColumnType) bool {
	if c.Table.Kind != schema.Table && c.Table.Kind != schema.PartitionedTable || p.fromParent(at.Step, c) {
		return false
	}
	return p.oldColumn(c.Table.OID, c.After.Num) != nil
}

func castFinding(c *schema.AlterColumnType, why string) lint.Finding {
	table := qualified(c.Table.Schema, c.Table.Name)
	t, col := sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.After.Name)
	f := lint.Finding{
		Object:   table + "." + c.After.Name,
		Message:  fmt.Sprintf("changing %q of %s from %s to %s fails if some value %s", c.After.Name, quote(table), short(c.Before.Type), short(c.After.Type), why),
		Evidence: factOf(table, "%s.%s is %s and becomes %s", table, c.After.Name, c.Before.Type, c.After.Type),
	}
	where := ""
	a := parseType(c.After.Type)
	switch {
	case strings.HasPrefix(why, "is longer"):
		where = fmt.Sprintf("length(%s) > %d", col, a.limit())
	case strings.HasPrefix(why, "is '"):
		where = fmt.Sprintf("%s::text IN (%s)", col, strings.ReplaceAll(strings.TrimPrefix(why, "is "), " or ", ", "))
	case strings.HasPrefix(why, "is out of the range"):
		limits := map[string]string{"smallint": "-32768 AND 32767", "integer": "-2147483648 AND 2147483647", "bigint": "-9223372036854775808 AND 9223372036854775807"}
		where = col + " NOT BETWEEN " + limits[a.base]
	}
	f.Advice = "Add a column of the new type, copy the values that fit in batches, and check the remaining rows before you swap the two columns."
	if where != "" {
		f.Advice = fmt.Sprintf("Check production for such rows first, and fix them in an earlier migration:\n\nSELECT count(*) FROM %s WHERE %s;", t, where)
	}
	return f
}
