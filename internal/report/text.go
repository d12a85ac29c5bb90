package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// Longest pieces of text that a terminal is shown in one place.
const (
	longMessage = 600
	longLine    = 300
)

// style is an ANSI colour.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31;1"
	yellow style = "33;1"
	blue   style = "34;1"
	green  style = "32;1"
	cyan   style = "36"
)

// printer collects lines for a terminal. Every text it is given is made
// visible and inert, so nothing that a migration says can act on the terminal
// or on the CI runner behind it.
type printer struct {
	strings.Builder
	color bool
	width int
}

func newPrinter(o Options) *printer { return &printer{color: o.Color, width: o.width()} }

// paint colours text that is already clean.
func (p *printer) paint(s style, text string) string {
	if !p.color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// line writes one line of clean pieces.
func (p *printer) line(pieces ...string) {
	text := strings.Join(pieces, "")
	p.WriteString(inert(strings.TrimRight(text, " ")))
	p.WriteByte('\n')
}

// block writes text wrapped, with a label in front of its first line.
func (p *printer) block(indent, label string, s style, text string) {
	width := columns(label)
	for i, l := range wrap(visible(text), max(p.width-len(indent)-width, 24)) {
		l = inert(cut(l, longLine))
		if i > 0 {
			label = strings.Repeat(" ", width)
		}
		if l == "" {
			p.line()
			continue
		}
		p.line(indent, p.paint(dim, label), p.paint(s, l))
	}
}

func severityStyle(s lint.Severity) style {
	switch s {
	case lint.Error:
		return red
	case lint.Warning:
		return yellow
	}
	return blue
}

// writeText writes the report for a terminal.
func writeText(w io.Writer, r *lint.Result, o Options) error {
	p := newPrinter(o)
	p.header(r)
	for i, f := range r.Findings {
		p.line()
		p.finding(r, f, o, i > 0 && samePlace(r.Findings[i-1], f))
	}
	if o.Verbose && len(r.Suppressed) > 0 {
		p.line()
		p.line(p.paint(bold, "suppressed"))
		for _, s := range r.Suppressed {
			p.suppressed(s)
		}
	}
	if len(r.Notices) > 0 {
		p.line()
		for _, n := range r.Notices {
			p.notice(n)
		}
	}
	p.line()
	p.summary(r, o)
	_, err := io.WriteString(w, p.String())
	return err
}

// Findings writes the findings that keep takes, as the terminal shows them,
// without header and summary: for documentation pages.
func Findings(w io.Writer, r *lint.Result, o Options, keep func(*lint.Finding) bool) error {
	p := newPrinter(o)
	for _, f := range r.Findings {
		if keep(f) {
			p.finding(r, f, o, false)
		}
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *printer) header(r *lint.Result) {
	parts := []string{oneLine(strings.TrimSpace(r.Tool.Name+" "+r.Tool.Version), longLine)}
	if len(r.Dirs) > 1 {
		parts = append(parts, oneLine(strings.Join(r.Dirs, ", "), longLine))
	} else if r.Dir != "" {
		dir := r.Dir
		if r.Format != "" {
			dir += " (" + r.Format + ")"
		}
		parts = append(parts, oneLine(dir, longLine))
	}
	if r.Against != "" {
		parts = append(parts, oneLine(r.Against, longLine))
	}
	if r.Config != "" {
		parts = append(parts, oneLine(r.Config, longLine))
	}
	p.line(p.paint(dim, strings.Join(parts, " · ")))
}

// place is where a finding is, in the form editors and terminals make a link of.
func place(f *lint.Finding) string {
	s := f.Path
	if f.Line > 0 {
		s += fmt.Sprintf(":%d", f.Line)
		if f.Column > 0 {
			s += fmt.Sprintf(":%d", f.Column)
		}
	}
	return oneLine(s, longLine)
}

// finding writes one finding; again tells that it is about the same place as
// the one before it.
func (p *printer) finding(r *lint.Result, f *lint.Finding, o Options, again bool) {
	p.line(p.paint(bold, oneLine(f.ID+" "+f.Name, 80)), "  ", p.paint(cyan, place(f)), "  ", p.paint(severityStyle(f.Severity), string(f.Severity)))
	p.block("  ", "", bold, cut(f.Message, longMessage))
	if !again { // the excerpt stands right above
		p.excerpt(r, f)
	}
	p.evidence(f, o)
	if f.Approval != nil {
		p.block("  ", "approval  ", yellow, approvalText(f.Approval))
	}
	if f.Advice != "" {
		p.advice(f.Advice)
	}
	if f.Fix != nil && len(f.Fix.Edits)+len(f.Fix.Files) > 0 {
		p.block("  ", "fix       ", green, cut(f.Fix.Title, longMessage))
	}
	if webURL(f.URL) != "" {
		p.line("  ", p.paint(dim, "docs      "), p.paint(dim, oneLine(f.URL, longLine)))
	}
}

// advice writes what to do; SQL stays as it is, to be copied.
func (p *printer) advice(text string) {
	label := "do        "
	for _, b := range adviceBlocks(text) {
		if !b.Code {
			p.block("  ", label, plain, b.Text)
		} else {
			for _, l := range strings.Split(visible(b.Text), "\n") {
				p.line("  ", p.paint(dim, label), "  ", p.paint(cyan, inert(cut(l, longLine))))
				label = strings.Repeat(" ", len(label))
			}
		}
		label = strings.Repeat(" ", len(label))
	}
}

func approvalText(a *lint.Approval) string {
	s := "waits for the approval of " + a.Who()
	if a.Reason != "" {
		s += ": " + a.Reason
	}
	return oneLine(s, longMessage)
}

// excerpt draws the SQL with its line numbers and marks the place.
func (p *printer) excerpt(r *lint.Result, f *lint.Finding) {
	e := excerptOf(r, f)
	if len(e.Lines) == 0 {
		if _, s := r.At(f); f.Sensitive || s != nil && s.Sensitive {
			p.line("  ", p.paint(dim, "(marked sensitive: its text is not shown)"))
		}
		return
	}
	p.line()
	digits := len(fmt.Sprint(e.Lines[len(e.Lines)-1].Number))
	gutter := strings.Repeat(" ", digits)
	room := p.width - digits - 7
	for _, l := range e.Lines {
		number := fmt.Sprintf("%*d", digits, l.Number)
		text := cutCells(l.Text, room)
		if !l.Statement {
			text = p.paint(dim, text)
		}
		p.line("    ", p.paint(dim, number+" │ "), text)
		if l.To > l.From && l.From < room {
			mark := strings.Repeat("^", min(l.To, columns(cutCells(l.Text, room)))-l.From)
			p.line("    ", p.paint(dim, gutter+" │ "), strings.Repeat(" ", l.From), p.paint(severityStyle(f.Severity), mark))
		}
	}
	if e.More > 0 {
		p.line("    ", p.paint(dim, gutter+" ⋮ "+count(e.More, "more line")))
	}
	p.line()
}

// cutCells cuts a line of code to what fits.
func cutCells(s string, width int) string {
	if columns(s) <= width {
		return s
	}
	n := 0
	for i, r := range s {
		if n += cells(r); n > width-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// evidence writes what the finding rests on; a long list only on request.
func (p *printer) evidence(f *lint.Finding, o Options) {
	const enough = 4
	for i, e := range f.Evidence {
		label := strings.Repeat(" ", 10)
		if i == 0 {
			label = fmt.Sprintf("%-10s", oneLine(string(f.Confidence), 9))
		}
		if i == enough && len(f.Evidence) > enough+1 && !o.Verbose {
			p.line("  ", label, p.paint(dim, fmt.Sprintf("… %d more, shown with --verbose", len(f.Evidence)-enough)))
			return
		}
		p.block("  ", label, plain, evidenceText(e))
		if e.SQL != "" {
			p.block("    ", strings.Repeat(" ", 10), cyan, cutLines(strings.TrimSpace(e.SQL), 8))
		}
	}
}

// evidenceText is the one line for people, with the chain of a dropped object.
func evidenceText(e lint.Evidence) string {
	s := oneLine(e.Text, longMessage)
	if len(e.Chain) > 1 {
		s += "\n" + oneLine(strings.Join(e.Chain, " → "), longMessage)
	}
	return s
}

// cutLines keeps the first lines of a text.
func cutLines(s string, limit int) string {
	lines := strings.Split(s, "\n")
	if len(lines) <= limit {
		return s
	}
	return strings.Join(lines[:limit], "\n") + fmt.Sprintf("\n… (%d more lines)", len(lines)-limit)
}

func (p *printer) suppressed(s *lint.Suppressed) {
	p.line("  ", p.paint(bold, oneLine(s.ID+" "+s.Name, 80)), "  ", p.paint(cyan, place(s.Finding)), "  ", p.paint(dim, "by "+suppressedBy(s)))
	p.block("    ", "", plain, cut(s.Message, longMessage))
	if s.Reason != "" {
		p.block("    ", "reason: ", plain, cut(s.Reason, longMessage))
	}
}

func suppressedBy(s *lint.Suppressed) string {
	if s.Where == "" {
		return oneLine(s.By, 40)
	}
	return oneLine(s.By+" "+s.Where, longLine)
}

func (p *printer) notice(n lint.Notice) {
	text := n.Text
	if n.Path != "" {
		at := n.Path
		if n.Line > 0 {
			at += fmt.Sprintf(":%d", n.Line)
		}
		text = at + ": " + text
	}
	p.block("", "notice  ", plain, oneLine(text, longMessage))
}

func (p *printer) summary(r *lint.Result, o Options) {
	s := green
	switch {
	case r.Summary.Errors > 0:
		s = red
	case r.Summary.Warnings > 0:
		s = yellow
	case r.Summary.Infos > 0:
		s = blue
	}
	parts := []string{p.paint(s, verdict(r.Summary))}
	if len(r.Findings) == 0 {
		parts[0] += " in " + describe(r)
	}
	if n := r.Summary.Approvals; n > 0 {
		parts = append(parts, count(n, "finding")+" waiting for approval")
	}
	if t := ownIgnores(r.Summary); t != "" {
		parts = append(parts, t)
	}
	if t := suppressedCount(r.Suppressed); t != "" {
		if !o.Verbose {
			t += ", listed with --verbose"
		}
		parts = append(parts, t)
	}
	p.line(strings.Join(parts, " · "))
	p.frequent(r)
	p.next(r)
}

// often is from how many findings on a check is worth a line of the summary.
const often = 3

// frequent counts the findings of the checks that have many.
func (p *printer) frequent(r *lint.Result) {
	type tally struct {
		id    string
		n     int
		files []string
	}
	var all []*tally
	for _, f := range r.Findings {
		i := slices.IndexFunc(all, func(t *tally) bool { return t.id == f.ID })
		if i < 0 {
			i, all = len(all), append(all, &tally{id: f.ID})
		}
		all[i].n++
		if !slices.Contains(all[i].files, f.Path) {
			all[i].files = append(all[i].files, f.Path)
		}
	}
	slices.SortStableFunc(all, func(a, b *tally) int { return b.n - a.n })
	var parts []string
	for _, t := range all {
		if t.n >= often {
			parts = append(parts, fmt.Sprintf("%d × %s in %s", t.n, oneLine(t.id, 80), count(len(t.files), "file")))
		}
	}
	if len(parts) > 0 {
		p.block("", "", dim, strings.Join(parts, ", "))
	}
}

// next says what to do now: fix, accept with a reason, read on.
func (p *printer) next(r *lint.Result) {
	if len(r.Findings) == 0 {
		return
	}
	fixes := 0
	for _, f := range r.Findings {
		if f.Fix != nil {
			fixes++
		}
	}
	if t := sizesWanted(r.Findings); t != "" {
		p.block("", "sizes: ", plain, t)
	}
	first := gravest(r.Findings)[0]
	text := ""
	if fixes > 0 {
		text = fmt.Sprintf("%d can be fixed with `assay lint --fix`; ", fixes)
	}
	id := oneLine(first.ID, 80)
	p.block("", "next: ", plain, fmt.Sprintf("%s`assay explain %s` says more; to accept a finding, write `-- assay:ignore %s <reason>` above the statement", text, id, id))
}

// sizesWanted says how the report gets the sizes of tables that decide on the severity of findings.
func sizesWanted(all []*lint.Finding) string {
	n := 0
	for _, f := range all {
		if f.SizeUnknown {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("the severity of %s depends on the size of tables: `assay stats --url <production> -o assay.stats.json` records it", count(n, "finding"))
}

// describe counts what was linted: "12 statements of 2 migrations".
func describe(r *lint.Result) string {
	n := 0
	for _, m := range r.Migrations {
		n += len(m.Statements)
	}
	return count(n, "statement") + " of " + count(len(r.Migrations), "new migration")
}

// suppressedCount counts the suppressed findings by what suppressed them:
// "3 suppressed (2 by directive, 1 by baseline)".
func suppressedCount(list []*lint.Suppressed) string {
	if len(list) == 0 {
		return ""
	}
	by := map[string]int{}
	for _, s := range list {
		by[s.By]++
	}
	var names []string
	for n := range by {
		names = append(names, n)
	}
	slices.Sort(names)
	var parts []string
	for _, n := range names {
		parts = append(parts, fmt.Sprintf("%d by %s", by[n], oneLine(n, 40)))
	}
	return fmt.Sprintf("%d suppressed (%s)", len(list), strings.Join(parts, ", "))
}
