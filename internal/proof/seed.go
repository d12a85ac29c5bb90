package proof

import (
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// Without gives migrations without some of their statements.
func Without(all []*migration.Migration, gone map[*migration.Statement]bool) []*migration.Migration {
	var out []*migration.Migration
	for _, m := range all {
		cut := *m
		cut.Statements = nil
		for _, st := range m.Statements {
			if !gone[st] {
				cut.Statements = append(cut.Statements, st)
			}
		}
		out = append(out, &cut)
	}
	return out
}

// Seeded notes that a change set failed on rows of the seed, whatever the
// statement is and the error: as a proof of the demand that the error is about,
// of DemandData if it is about none, and as a counterexample of the statement. It gives the statement, nil if the change has no such.
func Seeded(before *schema.Catalog, change []*devdb.Recorded, f *devdb.StatementError) *migration.Statement {
	tasks := Tasks(before, change)
	for _, m := range change {
		for _, s := range m.Steps {
			if s.Stmt != f.Statement && (f.Statement.Text != "COMMIT" || s.Stmt.Pos != f.Statement.Pos) {
				continue
			}
			x := &devdb.Counterexample{Kind: "fails", Code: f.Code, Message: f.Message, Seeded: true}
			if f.Detail != "" {
				x.Rows = "-- in the seed: " + f.Detail
			}
			s.Counterexamples = slices.Insert(s.Counterexamples, 0, x)
			for _, t := range append(tasks, &Task{Step: s, Demand: devdb.DemandData}) { // of no other demand: it failed all the same
				if t.Step == s && (t.Demand == devdb.DemandData || meets(t.Demand, f.Code) && t.named(f.Message)) {
					t.seeded(x)
					break
				}
			}
			return s.Stmt
		}
	}
	return nil
}

func (t *Task) seeded(x *devdb.Counterexample) {
	p := devdb.Proof{Demand: t.Demand, Target: t.Target, Table: t.Table, Outcome: devdb.Fails, Counterexample: x}
	if old := t.Step.Proof(t.Demand, t.Target); old != nil {
		*old = p
		return
	}
	t.Step.Proofs = append(t.Step.Proofs, p)
}
