package report

import (
	"encoding/json"
	"io"

	"github.com/assaydb/assay/internal/lint"
)

// codeQuality is one entry of GitLab's Code Quality report, the subset of the
// Code Climate format that GitLab reads
// (docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format).
type codeQuality struct {
	Description string           `json:"description"`
	CheckName   string           `json:"check_name"`
	Fingerprint string           `json:"fingerprint"`
	Severity    string           `json:"severity"`
	Location    codeQualityPlace `json:"location"`
}

type codeQualityPlace struct {
	Path  string           `json:"path"`
	Lines codeQualityLines `json:"lines"`
}

type codeQualityLines struct {
	Begin int `json:"begin"`
	End   int `json:"end,omitempty"`
}

// writeGitLab writes GitLab's Code Quality report: always an array, also with
// no findings, because GitLab takes a missing file for a failed job.
func writeGitLab(w io.Writer, r *lint.Result, _ Options) error {
	list := make([]codeQuality, 0, len(r.Findings))
	for _, f := range r.Findings {
		list = append(list, codeQuality{
			Description: oneLine(f.ID+" "+f.Name+": "+f.Message, 1000),
			CheckName:   oneLine(f.ID, 100),
			Fingerprint: f.Fingerprint,
			Severity:    gitlabSeverity(f.Severity),
			Location: codeQualityPlace{
				Path:  f.Path,
				Lines: codeQualityLines{Begin: max(f.Line, 1), End: max(f.EndLine, f.Line, 1)},
			},
		})
	}
	same := map[string]int{}
	for _, u := range unjudgedOf(r) {
		key := u.fingerprint(0)
		same[key]++
		list = append(list, codeQuality{
			Description: u.message(), CheckName: "not-judged", Fingerprint: u.fingerprint(same[key] - 1), Severity: "info",
			Location: codeQualityPlace{Path: u.path, Lines: codeQualityLines{Begin: max(u.Line, 1), End: max(u.EndLine, u.Line, 1)}},
		})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(list)
}

// gitlabSeverity maps to info, minor, major, critical, blocker. Blocker is left
// to people.
func gitlabSeverity(s lint.Severity) string {
	switch s {
	case lint.Error:
		return "critical"
	case lint.Warning:
		return "minor"
	}
	return "info"
}
