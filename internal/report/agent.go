package report

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// AgentVersion is the version of the agent format. Within one version keys are
// only added.
const AgentVersion = "1"

// agentText is the longest text of a finding in the agent format, in characters.
// Patches are whole.
const agentText = 400

// AgentFinding is a line of the agent format: one finding, as short as a program
// that has to act on it can do with.
type AgentFinding struct {
	Version     string          `json:"version"` // of this format: "1"
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Severity    lint.Severity   `json:"severity"`
	Confidence  lint.Confidence `json:"confidence"`
	Path        string          `json:"path"`
	Line        int             `json:"line"`
	Object      string          `json:"object,omitempty"`
	Message     string          `json:"message"`            // at most 400 characters
	Evidence    string          `json:"evidence,omitempty"` // the recorded facts, at most 400 characters
	Advice      string          `json:"advice,omitempty"`   // what to do, at most 400 characters; may hold lines of SQL
	Fix         *AgentFix       `json:"fix,omitempty"`      // only one that was replayed and holds
	Approval    string          `json:"approval,omitempty"` // who must approve it, where somebody must
	Fingerprint string          `json:"fingerprint"`
	Next        string          `json:"next"` // one command to run next, in the project directory
}

// AgentFix is a fix in the agent format.
type AgentFix struct {
	Title string `json:"title"`
	Patch string `json:"patch"` // unified diff, for git apply
}

// ForAgent is a finding as the agent format writes it. It must be redacted.
func ForAgent(f *lint.Finding) AgentFinding {
	out := AgentFinding{
		Version: AgentVersion, ID: oneLine(f.ID, 80), Name: oneLine(f.Name, 80), Severity: f.Severity, Confidence: f.Confidence,
		Path: f.Path, Line: max(f.Line, 1), Object: oneLine(f.Object, longLine), Message: brief(f.Message),
		Advice: lint.Cut(visible(f.Advice), agentText), Fingerprint: f.Fingerprint,
		Next: "assay explain " + shellWord(f.ID),
	}
	var facts []string
	for _, e := range f.Evidence {
		facts = append(facts, e.Text)
	}
	out.Evidence = brief(strings.Join(facts, "; "))
	if f.Fix != nil && f.Fix.Patch != "" {
		out.Fix = &AgentFix{Title: brief(f.Fix.Title), Patch: f.Fix.Patch}
		if plainPath.MatchString(f.Path) { // else it is no file, or one that a shell would take for more
			out.Next = "assay lint --fix " + f.Path
		}
	}
	if f.Approval != nil {
		out.Approval = brief(f.Approval.Who())
	}
	return out
}

// brief is a text of the agent format: one line of a bounded length.
func brief(s string) string {
	return lint.Cut(visible(strings.Join(strings.Fields(s), " ")), agentText)
}

// plainPath is a file name that every shell takes as it is, and no program as an option.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./@+,:-]*$`)

// shellWord is a word that a shell takes as it is. Ids have no other letters;
// one of a policy may.
func shellWord(s string) string {
	if plainPath.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(oneLine(s, 80), "'", `'\''`) + "'"
}

// writeAgent writes a JSON object a line for each finding, nothing if there is none.
func writeAgent(w io.Writer, r *lint.Result, _ Options) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, f := range r.Findings {
		if err := e.Encode(ForAgent(f)); err != nil {
			return err
		}
	}
	return nil
}
