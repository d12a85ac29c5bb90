package analyzers

import (
	"cmp"
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

// unlessUsed makes a finding about names that go away one step milder, and says
// so, where the application's queries are known and none of them says all the
// names. A query that the statement breaks uses what it takes, named or not.
func (p *Pass) unlessUsed(at At, f lint.Finding, names ...string) lint.Finding {
	q := p.Queries
	if q == nil || q.Total == 0 || q.Mention(names...) {
		return f
	}
	for _, b := range q.Broken {
		if b.Migration >= 0 && b.Migration < len(p.New) && p.New[b.Migration] == at.Migration && b.Step == at.Step.Index {
			return f
		}
	}
	f.Severity = milder(cmp.Or(f.Severity, p.rule.Severity))
	what := names[len(names)-1]
	f.Message += fmt.Sprintf("; none of the application's %s uses it", queryCount(q.Total))
	f.Evidence = append(f.Evidence, lint.Evidence{Kind: "query", Text: fmt.Sprintf("%s says %s", noneOf(q), what), Object: what})
	return f
}

func noneOf(q *devdb.QueryReport) string {
	if q.Total == 1 {
		return "no query of 1"
	}
	return fmt.Sprintf("no query of %d", q.Total)
}
