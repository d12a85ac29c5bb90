package devdb

import "github.com/assaydb/assay/internal/schema"

// Demand is what a statement asks of the existing rows.
type Demand string

// The demands that rows can break.
const (
	DemandUnique    Demand = "unique"      // a unique index, UNIQUE, PRIMARY KEY: 23505
	DemandNotNull   Demand = "not null"    // SET NOT NULL, a not-null constraint, a key, a new column without a value: 23502
	DemandCheck     Demand = "check"       // a CHECK of a table, added or validated: 23514
	DemandForeign   Demand = "foreign key" // added or validated: 23503
	DemandExclusion Demand = "exclusion"   // 23P01
	DemandDomain    Demand = "domain"      // a constraint or NOT NULL of a domain, by the rows of the tables that use it: 23514, 23502
	DemandCast      Demand = "cast"        // another column type: 22P02, 22001, 22003 …; "changed" counterexamples of values that are rounded or cut
	DemandPartition Demand = "partition"   // the bound of an attached partition, or the rows of the DEFAULT partition: 23514
	DemandGenerated Demand = "generated"   // a stored generated column whose expression fails for some rows: 22012, 22P02 …
	// DemandLater is that rows which come through the whole change set can be
	// written after it: a CHECK or NOT NULL that is NOT VALID lets the statement
	// pass, and refuses every UPDATE of a row that breaks it.
	DemandLater Demand = "later"
	// DemandSize is that values of a column without a length fit into an index: 54000.
	DemandSize Demand = "size"
	// DemandKeep is what nobody wrote: that an ordinary row comes through a
	// statement that drops, empties or writes all of its table, or that takes
	// the children of its rows. It never fails; "changed" and "lost"
	// counterexamples show a row before and after.
	DemandKeep Demand = "keep"
	// DemandData is that a statement which works on rows fails for what is in
	// them: an UPDATE, INSERT … SELECT, MERGE or DO. Its Target is empty. Any
	// error of class 22 or 23.
	DemandData Demand = "data"
)

// Outcome is what came of trying rows.
type Outcome string

// The outcomes.
const (
	// Fails: the old schema took the rows, and the migration failed on them.
	Fails Outcome = "fails"
	// Changes: the migration passed and the rows' values are others than before.
	Changes Outcome = "changes"
	// Passes: the rows that should break the demand were there before the
	// migration's first statement, and it passed: a statement before this one
	// mends them.
	Passes Outcome = "passes"
	// Impossible: the old schema refuses every such row, so there is none.
	Impossible Outcome = "impossible"
	// Unknown: no rows could be made, or the run ended for another reason.
	Unknown Outcome = "unknown"
)

// Proof is what came of trying one demand of a statement with rows that were
// there before the whole change set's first statement.
type Proof struct {
	Demand Demand
	// Target is what demands, as it is after the statement: the index of a bare
	// unique index; the constraint of every other constraint, a unique one's
	// included; the column (Sub set) of not null and of a cast; the domain type
	// of a domain's NOT NULL; the attached or DEFAULT partition.
	Target schema.Ref
	// Table holds the rows: of a foreign key the referencing table; 0 for a
	// domain that several tables use.
	Table   schema.OID
	Column  int16 // of size: whose values are long
	Outcome Outcome
	// Counterexample holds the rows of Fails and Changes, nil otherwise. It is
	// among Step.Counterexamples as well.
	Counterexample *Counterexample
	Why            string // one clause, of Unknown: what was in the way
	// GaveUp: rows were still to be tried when the work for a demand was used
	// up. The Outcome is Unknown.
	GaveUp bool
	// Hung: a try did not come back, and was ended. What would have come of it
	// nobody knows, so nothing may be judged the milder for it.
	Hung bool
	// Kept are, of a keep that Passes, the tables and columns in which what
	// the statement takes away is found after it.
	Kept []string
}

// Proof finds what came of trying a demand; nil if it was not tried.
func (s *Step) Proof(d Demand, target schema.Ref) *Proof {
	for i := range s.Proofs {
		if p := &s.Proofs[i]; p.Demand == d && p.Target == target {
			return p
		}
	}
	return nil
}
