package analyzers

import (
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

var directory = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ109", Name: "migration-directory", Title: "a new file that the migration tool rejects, skips or misreads", Severity: lint.Error,
		Hazards: []string{"X20", "X25"},
	},
	Run: func(p *Pass) {
		if p.Dir == nil {
			return
		}
		for _, n := range p.Dir.Notices {
			k, known := noticeKinds[n.Kind]
			i := slices.IndexFunc(p.New, func(m *devdb.Recorded) bool {
				return m.Path == n.Pos.Path || m.Migration.Down != nil && m.Migration.Down.Path == n.Pos.Path
			})
			if !known || i < 0 || k.only != "" && !strings.Contains(n.Text, k.only) || p.accepted(n) {
				continue
			}
			p.Report(At{Migration: p.New[i], Pos: n.Pos, End: migration.Position{Path: n.Pos.Path, Line: n.Pos.Line}}, lint.Finding{
				Object: n.Pos.Path, Severity: k.severity, Confidence: lint.Inferred, Message: n.Text,
				Evidence: syntaxEvidence("format " + string(p.Dir.Format)), Advice: k.advice,
			})
		}
	},
}

// accepted reports whether a merged migration has the same: then the tool that the
// team runs takes it, and is another one than its annotations look like.
func (p *Pass) accepted(n migration.Notice) bool {
	return n.Refused != "" && slices.ContainsFunc(p.Dir.Notices, func(o migration.Notice) bool {
		return o.Kind == n.Kind && !slices.ContainsFunc(p.New, func(m *devdb.Recorded) bool { return m.Path == o.Pos.Path })
	})
}

// noticeKinds are what the loader sees that a person must mend.
var noticeKinds = map[string]struct {
	severity lint.Severity
	only     string
	advice   string
}{
	"duplicate-version":    {lint.Error, "", "Give the file a version of its own."},
	"mixed-transaction":    {lint.Error, "", "Move the statement to a file of its own."},
	"journal-order":        {lint.Error, "", "Generate the migration again on top of the newest one."},
	"no-up-mark":           {lint.Error, "", "Add the line that begins the up migration above its SQL."},
	"bad-down":             {lint.Warning, "", "Fix the file before it is needed."},
	"byte-order-mark":      {lint.Error, "", "Save the file as UTF-8 without a byte order mark."},
	"copy-data":            {lint.Error, "", "Write the rows as INSERT statements, or load them outside the migrations."},
	"ended-transaction":    {lint.Error, "", "Remove the COMMIT or ROLLBACK, or write the option that leaves the tool's transaction."},
	"split-statement":      {lint.Error, "", "Put the statement between the tool's StatementBegin and StatementEnd lines: everything between them is sent as one query."},
	"unfinished-statement": {lint.Error, "", "End the last line of the statement with a semicolon."},
	"misread-annotation":   {lint.Error, "", "Write the annotation as in the tool's documentation, at the start of a line."},
	"psql-command":         {lint.Error, "", "Remove the line: dumps have it for psql. Only plain files and sqitch run through psql."},
	"skipped-meta-command": {lint.Warning, "runs no program", "The output of the program is not in the dev database, so statements that depend on it are not checked: " +
		"load data outside the migrations, or review it by hand."},
}
