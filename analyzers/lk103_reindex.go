package analyzers

import (
	"fmt"
	"regexp"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var reindex = &Analyzer{
	Rule: lint.Rule{
		ID: "LK103", Name: "reindex", Title: "rebuilding an index while blocking writes", Severity: lint.Error, Unsized: lint.Warning, Weight: lint.ByLock,
		Aliases: []string{"squawk:require-concurrent-reindex"}, Hazards: []string{"A03"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			var names, tables []string
			var ev []lint.Evidence
			seen := map[schema.OID]bool{}
			for _, r := range s.Rewrites {
				l, ok := reindexLock(s, r)
				if r.Kind != "index" || !ok || !l.Mode.BlocksWrites() || p.IsNew(r.Table) || !reindexed(s, r) {
					continue
				}
				names = append(names, r.Object)
				ev = append(ev, rewriteEvidence(r))
				if !seen[r.Table] {
					seen[r.Table] = true
					tables = append(tables, l.Object)
					ev = append(ev, lockEvidence(l))
				}
			}
			if len(names) == 0 {
				continue
			}
			what := "index " + quote(names[0])
			if len(names) > 1 {
				what = plural(len(names), "index")
			}
			p.Report(At{Migration: m, Step: s}, lint.Finding{
				Object:   names[0],
				Message:  fmt.Sprintf("rebuilding %s blocks writes to %s until it finishes; queries that plan with the index are blocked as well", what, list(tables, 3)),
				Evidence: someEvidence(ev, 6),
				Advice:   reindexAdvice(At{Migration: m, Step: s}, names[0]),
			})
		}
	},
}

// reindexLock is the lock on the table of a rebuilt index. That of a schema or
// of partitions is not seen: they are rebuilt in a transaction each.
func reindexLock(s *devdb.Step, r devdb.Rewrite) (devdb.Lock, bool) {
	l, ok := inForce(s, r.Table)
	if t := rel(s, r.Table); !ok && t != nil && s.Tag == "REINDEX" && !s.Stmt.Syntax.Concurrently {
		return devdb.Lock{Relation: t.OID, Object: t.QualifiedName(), Kind: string(t.Kind), Table: t.OID, Mode: devdb.Share, Step: s.Index, Inferred: true}, true
	}
	return l, ok
}

// reindexed reports whether nothing but REINDEX explains an index's new file:
// its table keeps its own, and none of the table's columns changes.
func reindexed(s *devdb.Step, r devdb.Rewrite) bool {
	if _, ok := rewritten(s, r.Table); ok || s.After.Indexes[r.Relation] == nil {
		return false
	}
	b, a := s.Before.Indexes[r.Relation], s.After.Indexes[r.Relation]
	return b != nil && b.Tablespace == a.Tablespace && !typeChanged(s, r.Table)
}

// typeChanged reports whether the step changes the type or collation of one of the table's columns.
func typeChanged(s *devdb.Step, table schema.OID) bool {
	for _, c := range Changes[*schema.AlterColumnType](s) {
		if c.Table.OID == table {
			return true
		}
	}
	return false
}

var reindexHead = regexp.MustCompile(`(?i)^(reindex\s*(?:\([^)]*\)\s*)?(?:index|table|schema|database))\b`)

func reindexAdvice(at At, index string) string {
	a := outside(at, "Rebuild it without blocking writes, outside a transaction")
	text := at.Step.Stmt.Text
	if !reindexHead.MatchString(text) {
		return a + ":\n\nREINDEX INDEX CONCURRENTLY " + short(index) + ";"
	}
	return a + ":\n\n" + reindexHead.ReplaceAllString(text, "$1 CONCURRENTLY") + ";"
}
