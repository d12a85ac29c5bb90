package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var recreatedTable = &Analyzer{
	Rule: lint.Rule{
		ID: "DS108", Name: "recreated-table", Title: "dropping a table and creating a new one with the same name", Severity: lint.Error,
		Aliases: []string{"strong_migrations:create_table"},
		Hazards: []string{"D14"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropTable](p) {
			now := p.replacement(c.Table.OID)
			if now == nil || c.Table.Kind == schema.ForeignTable {
				continue
			}
			old := p.old(c.Table.OID)
			name := qualified(old.Schema, old.Name)
			f := lint.Finding{
				Object:   name,
				Message:  fmt.Sprintf("drops table %s and creates a new one of that name: all its rows are lost", quote(name)),
				Evidence: []lint.Evidence{{Kind: "dropped", Text: name + " is a new, empty table after this change", Object: name}},
				Advice:   "Change the existing table with ALTER TABLE, or copy its rows into the new one before you drop it.",
			}
			proof := at.Step.Proof(devdb.DemandKeep, tableRef(c.Table.OID))
			leaves := proof != nil && proof.Outcome == devdb.Changes
			if m, s := p.copied(c.Table, now); s != nil {
				if l, ok := inForce(s, c.Table.OID); !leaves && ok && l.Mode.BlocksWrites() && s.InTx && at.Step.InTx && m == at.Migration && s.TxID == at.Step.TxID {
					continue // nobody could write between the copy and the drop
				}
				f.Severity = lint.Warning
				f.Message = fmt.Sprintf("replaces table %s with a copy: rows written after line %d copied it are lost", quote(name), s.Stmt.Pos.Line)
				f.Evidence = factOf(name, "%s is read in %s:%d without a lock that blocks writes", name, s.Stmt.Pos.Path, s.Stmt.Pos.Line)
				f.Advice = fmt.Sprintf("Block writes from before the copy until the swap, in one transaction:\n\nLOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE;", sqlName(c.Table.Schema, c.Table.Name))
			}
			if leaves && f.Severity == lint.Warning {
				f.Severity = lint.Error
				f.Message = fmt.Sprintf("replaces table %s with a copy that omits rows: these are lost", quote(name))
			}
			p.reportLoss(at, f, func(string) string { return f.Message }, tableRef(c.Table.OID))
		}
	},
}

// copied finds the statement that copies the rows of one table into another.
func (p *Pass) copied(from, to *schema.Relation) (*devdb.Recorded, *devdb.Step) {
	for m, s := range p.Steps() {
		if s.Err != nil || s.After.Relations[to.OID] == nil || s.Before.Relations[from.OID] == nil {
			continue
		}
		src, dst := s.Before.Relations[from.OID], s.After.Relations[to.OID]
		made := s.Before.Relations[to.OID] == nil
		_, readsIt := lockOn(s, from.OID)
		switch text := strings.ToLower(s.Stmt.Text); s.Tag {
		case "INSERT":
			if slices.ContainsFunc(s.Stmt.Syntax.Objects, func(n string) bool { return names(n, dst) }) && (readsIt || strings.Contains(text, strings.ToLower(src.Name))) {
				return m, s
			}
		case "SELECT", "CREATE TABLE AS", "SELECT INTO", "DO":
			if made && (readsIt || strings.Contains(text, strings.ToLower(src.Name))) {
				return m, s
			}
		}
	}
	return nil, nil
}
