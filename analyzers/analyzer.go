// Package analyzers holds every built-in check: one value, one pure function
// over the recorded facts, one fixture that explains and proves it.
package analyzers

import (
	"iter"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// Analyzer is a check. Run looks at finished facts and reports; it has no
// database, no files, no clock and no error.
type Analyzer struct {
	lint.Rule
	Run func(*Pass)
}

// Pass is one check's view of a record.
type Pass struct {
	*devdb.Record
	rule     *lint.Rule
	findings []*lint.Finding
	shared   *shared
}

// At is where a finding is reported.
type At struct {
	Migration *devdb.Recorded
	Step      *devdb.Step        // nil for a finding about the file
	Pos, End  migration.Position // zero: the step's range
}

// Steps yields every recorded step with its migration.
func (p *Pass) Steps() iter.Seq2[*devdb.Recorded, *devdb.Step] {
	return func(yield func(*devdb.Recorded, *devdb.Step) bool) {
		for _, m := range p.New {
			for _, s := range m.Steps {
				if !yield(m, s) {
					return
				}
			}
		}
	}
}

// Each yields the changes of type C with the step that made them.
func Each[C schema.Change](p *Pass) iter.Seq2[At, C] {
	return func(yield func(At, C) bool) {
		for m, s := range p.Steps() {
			for _, c := range s.Changes {
				if c, ok := c.(C); ok && !yield(At{Migration: m, Step: s}, c) {
					return
				}
			}
		}
	}
}

// shared holds what several checks ask of one record.
type shared struct{}
