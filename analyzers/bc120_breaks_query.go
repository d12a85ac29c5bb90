package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

var breaksQuery = &Analyzer{
	Rule: lint.Rule{
		ID: "BC120", Name: "breaks-query", Title: "an application query no longer works", Severity: lint.Error,
		Hazards: []string{"C28"},
	},
	Run: func(p *Pass) {
		if p.Queries == nil {
			return
		}
		type place struct{ migration, step int }
		told := map[place]bool{}
		for _, b := range p.Queries.Broken {
			at := place{b.Migration, b.Step}
			if told[at] || at.migration < 0 || at.migration >= len(p.New) {
				continue
			}
			told[at] = true
			var same []devdb.BrokenQuery
			for _, o := range p.Queries.Broken {
				if (place{o.Migration, o.Step}) == at {
					same = append(same, o)
				}
			}
			m := p.New[at.migration]
			where := At{Migration: m}
			if at.step < len(m.Steps) {
				where.Step = m.Steps[at.step]
			}
			p.Report(where, brokenFinding(same, p.Queries.Total))
		}
	},
}

func brokenFinding(broken []devdb.BrokenQuery, total int) lint.Finding {
	f := lint.Finding{Confidence: lint.Proven, Object: fmt.Sprintf("%s:%d", broken[0].Path, broken[0].Line)}
	var names []string
	for _, b := range broken {
		name := fmt.Sprintf("%s:%d", b.Path, b.Line)
		if b.Name != "" {
			name += " " + b.Name
		}
		names = append(names, name)
		what := b.Columns
		if b.Error != "" {
			what = b.Code + " " + b.Error
		}
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "query", Text: name + ": " + what, Object: name, Code: b.Code})
	}
	if !slices.ContainsFunc(broken, func(b devdb.BrokenQuery) bool { return !b.More }) {
		f.Severity = lint.Warning
		f.Message = fmt.Sprintf("gives %s more columns: %s", queryCount(len(broken)), listPlain(names, 3))
		f.Advice = "Name the columns in the queries, or check that the code reads them by name: sqlc expands * when it generates code, and is not affected."
		return f
	}
	f.Message = fmt.Sprintf("breaks %d of %s: %s", len(broken), queryCount(total), listPlain(names, 3))
	f.Advice = "First release the application without these queries, or keep what they need until then."
	return f
}

func queryCount(n int) string {
	if n == 1 {
		return "1 query"
	}
	return fmt.Sprintf("%d queries", n)
}
