package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

var (
	//go:embed html/report.html
	htmlPage string
	//go:embed html/style.css
	htmlStyle string
	//go:embed html/script.js
	htmlScript string

	htmlTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
		"clean": visible,
		"cut":   func(n int, s string) string { return cut(visible(s), n) },
		"line":  func(n int, s string) string { return oneLine(s, n) },
	}).Parse(htmlPage))
)

// htmlReport is what the template sees.
type htmlReport struct {
	*lint.Result
	Verdict     string
	Class       string // "error", "warning", "info", "clean": colours the verdict
	Findings    []htmlFinding
	Severities  []htmlChoice
	Checks      []htmlChoice
	Paths       []htmlChoice
	Migrations  []htmlMigration
	Entities    template.HTML
	Chains      template.HTML
	Suppressed  []htmlSuppressed
	Counted     string // suppressed findings by what suppressed them
	Described   string
	URL         string
	Timing      bool
	StyleHash   string
	ScriptHash  string
	Style       template.CSS
	Script      template.JS
	MaxFindings int // how many were left out
}

type htmlChoice struct {
	Value, Label string
	Count        int
}

type htmlFinding struct {
	*lint.Finding
	Number  int
	Place   string
	Link    string
	Docs    string
	Lines   []htmlLine
	More    int
	Hidden  bool
	Blocks  []block
	Waiting string
	Proofs  []htmlEvidence
}

type htmlEvidence struct {
	Kind, Text, SQL string
	Chain           []string
}

// htmlLine is a line of an excerpt, its marked part told apart.
type htmlLine struct {
	Number              int
	Before, Mark, After string
	Context             bool
}

type htmlMigration struct {
	Path, Link, Tx string
	Statements     []htmlStatement
	More           int
	Timelines      []timeline
	Count          string
}

type htmlStatement struct {
	*lint.Statement
	Facts []htmlFact
	Link  string
}

type htmlFact struct{ What, How, On, Class string }

type htmlSuppressed struct {
	htmlFinding
	By, Reason string
}

// maxHTML bounds the findings that one page shows, which browsers must still scroll.
const maxHTML = 1000

// writeHTML writes one file that needs nothing else: no network, no server.
func writeHTML(w io.Writer, r *lint.Result, o Options) error {
	p := &htmlReport{
		Result: r, Verdict: strings.TrimSuffix(verdict(r.Summary)+", "+ownIgnores(r.Summary), ", "), Class: verdictClass(r.Summary),
		Entities: entityPicture(r.Diagram), Chains: chainPicture(r.Diagram),
		Counted: suppressedCount(r.Suppressed), Described: describe(r), URL: webURL(o.URL), Timing: o.Timing,
		Style: template.CSS(htmlStyle), Script: template.JS(htmlScript),
		StyleHash: hash(htmlStyle), ScriptHash: hash(htmlScript),
	}
	for i, f := range gravest(r.Findings) {
		if i == maxHTML {
			p.MaxFindings = len(r.Findings) - maxHTML
			break
		}
		p.Findings = append(p.Findings, htmlFindingOf(r, f, i+1, o))
	}
	p.choices()
	for _, m := range r.Migrations {
		p.Migrations = append(p.Migrations, htmlMigrationOf(r, m, o))
	}
	for _, s := range r.Suppressed[:min(len(r.Suppressed), maxHTML)] {
		p.Suppressed = append(p.Suppressed, htmlSuppressed{htmlFindingOf(r, s.Finding, 0, o), suppressedBy(s), s.Reason})
	}
	return htmlTemplate.Execute(w, p)
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func verdictClass(s lint.Summary) string {
	switch {
	case s.Errors > 0 && s.Errors <= s.Approvals:
		return "waiting"
	case s.Errors > 0:
		return "error"
	case s.Warnings > 0:
		return "warning"
	case s.Infos > 0:
		return "info"
	}
	return "clean"
}

// choices counts what the filters offer.
func (p *htmlReport) choices() {
	add := func(list *[]htmlChoice, value, label string) {
		for i := range *list {
			if (*list)[i].Value == value {
				(*list)[i].Count++
				return
			}
		}
		*list = append(*list, htmlChoice{value, label, 1})
	}
	for _, f := range p.Findings {
		add(&p.Severities, string(f.Severity), string(f.Severity))
		add(&p.Checks, oneLine(f.ID, 300), oneLine(f.ID+" "+f.Name, 80))
		add(&p.Paths, oneLine(f.Path, 300), fit(shortPath(p.Result, f.Path), 60))
	}
	slices.SortFunc(p.Severities, func(a, b htmlChoice) int {
		return lint.Severity(b.Value).Rank() - lint.Severity(a.Value).Rank()
	})
	slices.SortFunc(p.Checks, func(a, b htmlChoice) int { return strings.Compare(a.Value, b.Value) })
}

func htmlFindingOf(r *lint.Result, f *lint.Finding, number int, o Options) htmlFinding {
	out := htmlFinding{
		Finding: f, Number: number, Docs: webURL(f.URL), Link: o.link(f.Path, max(f.Line, 1)),
		Place:  fmt.Sprintf("%s:%d", shortPath(r, f.Path), max(f.Line, 1)),
		Blocks: adviceBlocks(f.Advice),
	}
	if f.Approval != nil {
		out.Waiting = approvalText(f.Approval)
	}
	_, s := r.At(f)
	out.Hidden = f.Sensitive || s != nil && s.Sensitive
	e := excerptOf(r, f)
	out.More = e.More
	for _, l := range e.Lines {
		out.Lines = append(out.Lines, htmlLineOf(l))
	}
	for _, e := range f.Evidence {
		out.Proofs = append(out.Proofs, htmlEvidence{e.Kind, oneLine(e.Text, longMessage), cutLines(cut(visible(e.SQL), 4000), 30), e.Chain})
	}
	return out
}

// htmlLineOf cuts a line at its marks, which count cells, not bytes.
func htmlLineOf(l excerptLine) htmlLine {
	text := cut(l.Text, 1000)
	out := htmlLine{Number: l.Number, Before: text, Context: !l.Statement}
	if l.To <= l.From {
		return out
	}
	from, to, n := len(text), len(text), 0
	for i, r := range text {
		if n >= l.From && from == len(text) {
			from = i
		}
		if n >= l.To {
			to = i
			break
		}
		n += cells(r)
	}
	out.Before, out.Mark, out.After = text[:from], text[from:max(from, to)], text[max(from, to):]
	return out
}

func htmlMigrationOf(r *lint.Result, m *lint.Migration, o Options) htmlMigration {
	out := htmlMigration{
		Path: shortPath(r, m.Path), Link: o.link(m.Path, 1), Tx: txText(m),
		Timelines: timelines(m), Count: count(len(m.Statements), "statement"),
	}
	for i, s := range m.Statements {
		if i == 5*maxRows {
			out.More = len(m.Statements) - i
			break
		}
		row := htmlStatement{Statement: s, Link: o.link(m.Path, s.Line)}
		for _, f := range facts(s) {
			class := "none"
			if f.what == "locks" || f.what == "held" {
				class = modeClass(f.how)
			}
			row.Facts = append(row.Facts, htmlFact{f.what, oneLine(f.how, 200), oneLine(f.on, 400), class})
		}
		out.Statements = append(out.Statements, row)
	}
	return out
}
