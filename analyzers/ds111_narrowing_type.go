package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var narrowingType = &Analyzer{
	Rule: lint.Rule{
		ID: "DS111", Name: "narrowing-type", Title: "a type change silently rounds or truncates values", Severity: lint.Warning,
		Hazards: []string{"C12"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AlterColumnType](p) {
			if !p.holdsOldValues(at, c) {
				continue
			}
			proof := at.Step.Proof(devdb.DemandCast, columnRef(c.Table.OID, c.After.Num))
			proven := proof != nil && proof.Outcome == devdb.Changes
			using := usingOf(at, c.After.Name)
			lost := castLoses(c.Before, c.After, using)
			if using != "" && using != "…" && !nameIn(strings.ToLower(c.After.Name), strings.ToLower(strings.ReplaceAll(using, `"`, " "))) && !nameIn(c.Table.Name, using) {
				lost = "USING ignores the old values, which are lost"
			}
			if lost == "" && proven {
				lost = "some values change"
			}
			if lost == "" || !proven && p.writtenBefore(at, c.Table.OID) {
				continue
			}
			f := narrowingFinding(c, using, lost)
			if proven {
				f.Severity, f.Confidence = lint.Error, lint.Proven
				if x := proof.Counterexample; x != nil {
					f.Evidence = append([]lint.Evidence{counterexample(x)}, f.Evidence...)
				}
			}
			p.Report(at, f)
		}
	},
}

func narrowingFinding(c *schema.AlterColumnType, using, lost string) lint.Finding {
	table := qualified(c.Table.Schema, c.Table.Name)
	t, col := sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.After.Name)
	if using != "" && using != "…" {
		col = using
	}
	return lint.Finding{
		Object:   table + "." + c.After.Name,
		Message:  fmt.Sprintf("changing %q of %s from %s to %s: %s, without an error", c.After.Name, quote(table), c.Before.Type, c.After.Type, lost),
		Evidence: factOf(table, "%s.%s is %s and becomes %s", table, c.After.Name, c.Before.Type, c.After.Type),
		Advice: fmt.Sprintf("Keep the old column until the new values are verified:\n\nALTER TABLE %s ADD COLUMN %s %s;",
			t, sqlIdent(c.After.Name+"_new"), c.After.Type) + "\n-- in batches\n" + fmt.Sprintf("UPDATE %s SET %s = %s WHERE …;", t, sqlIdent(c.After.Name+"_new"), col),
	}
}
