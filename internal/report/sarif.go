package report

import (
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

// GitHub shows 5,000 results and refuses a file with more than 25,000.
const maxSarifResults = 25000

// writeSARIF writes SARIF 2.1.0 with one run. Places are relative to the
// project's root (%SRCROOT%), columns count code points.
func writeSARIF(w io.Writer, r *lint.Result, _ Options) error {
	run := sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name:           "assay",
			Version:        visible(r.Tool.Version),
			InformationURI: "https://github.com/assaydb/assay",
			Rules:          []sarifRule{},
		}},
		ColumnKind:         "unicodeCodePoints",
		OriginalURIBaseIDs: map[string]sarifBase{"%SRCROOT%": {Description: sarifText{Text: "the root of the project"}}},
		Results:            []sarifResult{},
		AutomationDetails:  sarifAutomation{ID: "assay/" + pathURI(visible(r.Dir)) + "/"},
		Properties:         map[string]any{"against": visible(r.Against), "databaseVersion": visible(r.Database.Version)},
	}
	index := map[string]int{}
	rule := func(f *lint.Finding) int {
		i, ok := index[f.ID]
		if !ok {
			i = len(run.Tool.Driver.Rules)
			index[f.ID] = i
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(r, f))
		}
		return i
	}
	for _, f := range r.Findings {
		run.Results = append(run.Results, sarifResultOf(r, f, rule(f)))
	}
	for _, s := range r.Suppressed {
		res := sarifResultOf(r, s.Finding, rule(s.Finding))
		res.Suppressions = []sarifSuppression{sarifSuppressionOf(s)}
		run.Results = append(run.Results, res)
	}
	var said []sarifNotification
	for _, u := range unjudgedOf(r) {
		at := sarifLocation{Physical: sarifPhysical{Artifact: artifact(u.path), Region: region(
			migration.Position{Line: u.Line, Column: u.Column}, migration.Position{Line: u.EndLine, Column: u.EndColumn})}}
		said = append(said, sarifNotification{
			Level: "warning", Message: sarifText{Text: sentence(u.message())}, Locations: []sarifLocation{at},
		})
	}
	if len(said) > 0 {
		run.Invocations = []sarifInvocation{{Successful: true, Notifications: said}}
	}
	if len(run.Results) > maxSarifResults {
		run.Results = run.Results[:maxSarifResults]
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{run},
	})
}

func sarifRuleOf(r *lint.Result, f *lint.Finding) sarifRule {
	info := lint.RuleInfo{ID: f.ID, Name: f.Name, Title: f.Name, Severity: f.Severity, URL: f.URL}
	for _, i := range r.Rules {
		if i.ID == f.ID {
			info = i
		}
	}
	out := sarifRule{
		ID:               visible(info.ID),
		Name:             pascal(info.Name),
		ShortDescription: sarifText{Text: sentence(oneLine(info.Title, 500))},
		FullDescription:  sarifText{Text: sentence(oneLine(info.Title, 500))},
		Configuration:    sarifConfiguration{Level: sarifLevel(info.Severity)},
		Properties:       map[string]any{"tags": []string{"database", "migration", "postgresql"}, "precision": "very-high", "problem.severity": problemSeverity(info.Severity)},
	}
	if u := webURL(info.URL); u != "" {
		out.HelpURI = u
	}
	if info.Help != "" {
		out.Help = &sarifHelp{Text: visible(cut(info.Help, 20000)), Markdown: visible(cut(info.Help, 20000))}
	} else {
		out.Help = &sarifHelp{Text: out.ShortDescription.Text}
	}
	return out
}

func sarifResultOf(r *lint.Result, f *lint.Finding, rule int) sarifResult {
	out := sarifResult{
		RuleID:    visible(f.ID),
		RuleIndex: rule,
		Level:     sarifLevel(f.Severity),
		Kind:      "fail", // a level other than "none" is only valid with it
		Message:   sarifText{Text: sarifMessage(f)},
		Locations: []sarifLocation{{Physical: sarifPhysical{Artifact: artifact(f.Path), Region: regionOf(f)}}},
		// The key's version is part of its name, so that a better way to make
		// them can come without losing the old ones.
		Fingerprints: map[string]string{"assay/v1": f.Fingerprint},
		Properties:   map[string]any{"confidence": visible(string(f.Confidence))},
	}
	if f.Object != "" {
		out.Locations[0].Logical = []sarifLogical{{FullyQualifiedName: oneLine(f.Object, 500), Kind: "resource"}}
	}
	if len(f.Evidence) > 0 {
		var list []string
		for _, e := range f.Evidence {
			list = append(list, evidenceText(e))
		}
		out.Properties["evidence"] = list
	}
	out.Related = sarifRelated(r, f)
	if fix, ok := sarifFixOf(f); ok {
		out.Fixes = []sarifFix{fix}
	}
	return out
}

// sarifMessage is what viewers show: message, evidence, advice.
func sarifMessage(f *lint.Finding) string {
	var b strings.Builder
	b.WriteString(sentence(cut(visible(f.Message), 2000)))
	for _, e := range f.Evidence {
		b.WriteString("\n- " + evidenceText(e))
	}
	if f.Advice != "" {
		b.WriteString("\n" + cut(visible(f.Advice), 4000))
	}
	return b.String()
}

// sarifRelated points at the earlier statements whose locks are held.
func sarifRelated(r *lint.Result, f *lint.Finding) []sarifLocation {
	m, s := r.At(f)
	if s == nil {
		return nil
	}
	var out []sarifLocation
	seen := map[int]bool{}
	for _, l := range s.Held {
		if l.New || l.Since < 1 || l.Since == f.Line || seen[l.Since] || blocks(l.Mode) == "" {
			continue
		}
		seen[l.Since] = true
		out = append(out, sarifLocation{
			ID:       len(out) + 1,
			Physical: sarifPhysical{Artifact: artifact(m.Path), Region: sarifRegion{StartLine: l.Since}},
			Message:  &sarifText{Text: oneLine(l.Mode+" on "+l.Object+" is taken here and held", 500)},
		})
	}
	return out
}

// sarifFixOf is the fix as SARIF can say it: edits of files that are there.
func sarifFixOf(f *lint.Finding) (sarifFix, bool) {
	if f.Fix == nil || len(f.Fix.Edits) == 0 || len(f.Fix.Files) > 0 {
		return sarifFix{}, false
	}
	fix := sarifFix{Description: sarifText{Text: sentence(oneLine(f.Fix.Title, 500))}}
	at := map[string]int{}
	for _, e := range f.Fix.Edits {
		path := e.Pos.Path
		if path == "" {
			path = f.Path
		}
		i, ok := at[path]
		if !ok {
			i = len(fix.Changes)
			at[path] = i
			fix.Changes = append(fix.Changes, sarifChange{Artifact: artifact(path)})
		}
		fix.Changes[i].Replacements = append(fix.Changes[i].Replacements, sarifReplacement{
			Deleted:  region(e.Pos, e.End),
			Inserted: sarifContent{Text: e.Text},
		})
	}
	return fix, true
}

func sarifSuppressionOf(s *lint.Suppressed) sarifSuppression {
	out := sarifSuppression{Kind: "external", Justification: visible(cut(s.Reason, 2000)), Status: "accepted"}
	if s.By == "directive" {
		out.Kind = "inSource"
	}
	out.Properties = map[string]any{"by": oneLine(s.By, 100), "where": oneLine(s.Where, 500)}
	return out
}

func artifact(path string) sarifArtifact {
	return sarifArtifact{URI: pathURI(path), BaseID: "%SRCROOT%"}
}

func regionOf(f *lint.Finding) sarifRegion {
	return region(migration.Position{Line: f.Line, Column: f.Column}, migration.Position{Line: f.EndLine, Column: f.EndColumn})
}

// region keeps SARIF's rules: lines and columns from 1, the end not before the start.
func region(pos, end migration.Position) sarifRegion {
	out := sarifRegion{StartLine: max(pos.Line, 1), StartColumn: pos.Column, EndLine: max(end.Line, pos.Line, 1), EndColumn: end.Column}
	if out.EndLine == out.StartLine && out.EndColumn < out.StartColumn {
		out.EndColumn = out.StartColumn
	}
	return out
}

func sarifLevel(s lint.Severity) string {
	switch s {
	case lint.Error:
		return "error"
	case lint.Warning:
		return "warning"
	}
	return "note"
}

func problemSeverity(s lint.Severity) string {
	if s == lint.Info {
		return "recommendation"
	}
	return string(s)
}

// sentence begins with a capital and ends with a period, as SARIF's viewers
// expect of descriptions (SARIF2001).
func sentence(s string) string {
	if s == "" {
		return "."
	}
	r, n := utf8.DecodeRuneInString(s)
	s = strings.ToUpper(string(r)) + s[n:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// pascal makes "create-index" into "CreateIndex", the form of rule names.
func pascal(s string) string {
	var b strings.Builder
	up := true
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z' && up:
			b.WriteRune(r - 32)
			up = false
		case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			b.WriteRune(r)
			up = false
		default:
			up = true
		}
	}
	return cut(b.String(), 100)
}
