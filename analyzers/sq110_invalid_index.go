package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var invalidIndex = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ110", Name: "index-left-invalid", Title: "an index is left invalid", Severity: lint.Warning,
		Hazards: []string{"A05", "A07"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddIndex](p) {
			i := p.After.Indexes[c.Index.OID]
			if i == nil || i.Valid || at.Migration.Err != nil {
				continue
			}
			f := lint.Finding{
				Object:   i.QualifiedName(),
				Message:  fmt.Sprintf("index %q is left invalid: no query uses it, and every write maintains it", i.Name),
				Evidence: []lint.Evidence{catalogEvidence(i.QualifiedName(), "pg_index.indisvalid is false after the last new migration")},
				Advice:   fmt.Sprintf("Build it again:\n\nREINDEX INDEX CONCURRENTLY %s;", sqlName(i.Schema, i.Name)),
			}
			if i.Partitioned {
				f.Severity = lint.Info
				f.Message = fmt.Sprintf("index %q is left invalid: not every partition of %q has an attached index yet", i.Name, short(relName(at.Step, i.Table)))
				f.Advice = "Build an index on each partition outside a transaction, and attach it:\n\n" + partitionIndexes(p.After, i)
			}
			p.Report(at, f)
		}
	},
}
