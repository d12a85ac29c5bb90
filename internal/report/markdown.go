package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// MarkdownOptions fit the Markdown report to where it is posted.
type MarkdownOptions struct {
	// Link gives the address of a line of a file at the commit that was linted.
	Link func(path string, line int) string
	// Limit is the most bytes the host takes; 0 means no limit.
	Limit int
	// Marker is written as the first line, as it is: the comment by which the
	// caller finds the text again.
	Marker string
	// ReportURL is where the full report can be read.
	ReportURL string
	// Title stands in the verdict line; empty means "assay".
	Title string
	// Footer is one line of the caller's, as it is: what was left out and why.
	Footer string
	// Timing adds how long statements took on the dev database.
	Timing bool
}

// maxRows bounds the tables of statements: a seed file has 100,000.
const maxRows = 100

// Markdown writes r for a pull request, a merge request or a job's summary: the
// verdict, a table of findings, and folded below it what to do, what was
// observed, pictures, and what is suppressed. Nothing in a migration, name or
// message can break out of its place. The text ends on a whole line and with
// everything closed also where o.Limit cuts it.
func Markdown(r *lint.Result, o MarkdownOptions) string {
	r = lint.Redacted(r)
	d := &mdDoc{r: r, o: o}
	d.verdict()
	d.findings()
	d.advice()
	d.observed()
	d.pictures()
	d.suppressed()
	d.notices()
	return d.finish()
}

func writeMarkdown(w io.Writer, r *lint.Result, o Options) error {
	_, err := io.WriteString(w, Markdown(r, MarkdownOptions{Link: o.Link, ReportURL: o.URL, Timing: o.Timing}))
	return err
}

// mdDoc collects a Markdown document line by line.
type mdDoc struct {
	strings.Builder
	r *lint.Result
	o MarkdownOptions
}

func (d *mdDoc) linef(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *mdDoc) verdict() {
	r := d.r
	title := d.o.Title
	if title == "" {
		title = "assay"
	}
	s := r.Summary
	icon := "✅"
	switch {
	case s.Errors > s.Approvals, slices.ContainsFunc(r.Suppressed, func(s *lint.Suppressed) bool { return s.Counts && s.Severity == lint.Error }):
		icon = "❌"
	case s.Approvals > 0:
		icon = "⏳"
	case s.Errors > 0:
		icon = "❌"
	case s.Warnings > 0:
		icon = "⚠️"
	case s.Infos > 0:
		icon = "ℹ️"
	}
	text := verdict(s)
	if s.Approvals > 0 {
		text += fmt.Sprintf(", %d waiting for approval", s.Approvals)
	}
	if t := ownIgnores(s); t != "" {
		text += ", " + t
	}
	d.linef("### %s %s: %s\n", icon, mdText(title, 80), text)
	against := r.Against
	if len(r.Findings) == 0 && len(r.Migrations) > 0 {
		against = describe(r) + " · " + against
	}
	d.linef("%s\n", mdText(against, 300))
}

// gravest puts errors before warnings before the rest, for readers in a hurry;
// within those findings stay in the order of the files.
func gravest(list []*lint.Finding) []*lint.Finding {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *lint.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	return list
}

// shortPath is a path as a reader of the directory knows it.
func shortPath(r *lint.Result, path string) string {
	if r.Dir != "" && r.Dir != "." {
		return strings.TrimPrefix(path, r.Dir+"/")
	}
	return path
}

func (d *mdDoc) place(f *lint.Finding) string {
	label := fmt.Sprintf("%s:%d", shortPath(d.r, f.Path), max(f.Line, 1))
	address := ""
	if d.o.Link != nil {
		address = d.o.Link(f.Path, max(f.Line, 1))
	}
	return mdLink(mdBreakable(label, 120), address)
}

func ruleLabel(f *lint.Finding) string { return mdText(f.ID+" "+f.Name, 80) }

var icons = map[lint.Severity]string{lint.Error: "🔴", lint.Warning: "🟡", lint.Info: "🔵"}

func (d *mdDoc) findings() {
	if len(d.r.Findings) == 0 {
		return
	}
	// Place and object share a column: names are long, and what follows them must
	// not end up outside of the comment.
	d.linef("| | Check | Place, object | Finding |")
	d.linef("|---|---|---|---|")
	for _, f := range gravest(d.r.Findings) {
		message := mdText(f.Message, 300)
		if f.Approval != nil {
			message += "<br>⏳ " + mdText(approvalText(f.Approval), 300)
		}
		place := d.place(f)
		if f.Object != "" && f.Object != f.Path {
			place += "<br>" + mdBreakable(f.Object, 100)
		}
		d.linef("| %s&nbsp;%s | %s | %s | %s |", icons[f.Severity], f.Severity, mdLink(ruleLabel(f), f.URL), place, message)
	}
	d.linef("")
}

// open starts a folded section; its title is HTML.
func (d *mdDoc) open(title string) { d.linef("<details>\n<summary>%s</summary>\n", title) }

func (d *mdDoc) close() { d.linef("</details>\n") }

// advice lists per finding what it rests on and what to do.
func (d *mdDoc) advice() {
	n := 0
	for _, f := range d.r.Findings {
		if f.Advice != "" || len(f.Evidence) > 0 {
			n++
		}
	}
	if n == 0 {
		return
	}
	d.open("<b>Evidence and what to do</b>")
	for _, f := range gravest(d.r.Findings) {
		if f.Advice == "" && len(f.Evidence) == 0 {
			continue
		}
		d.linef("%s **%s** %s\n", icons[f.Severity], ruleLabel(f), d.place(f))
		for _, e := range f.Evidence {
			d.linef("- %s: %s", mdText(string(f.Confidence), 20), mdText(e.Text, 500))
			if len(e.Chain) > 1 {
				d.linef("  <br>%s", mdText(strings.Join(e.Chain, " → "), 500))
			}
		}
		if len(f.Evidence) > 0 {
			d.linef("")
		}
		for _, e := range f.Evidence {
			if e.SQL != "" {
				d.linef("%s", mdFence("sql", cutLines(cut(e.SQL, 4000), 20)))
			}
		}
		for _, b := range adviceBlocks(f.Advice) {
			if b.Code {
				d.linef("%s", mdFence("sql", b.Text))
			} else {
				d.linef("%s\n", mdText(b.Text, 1000))
			}
		}
		d.fix(f)
	}
	d.close()
}

// fix shows what a fix would write. The edits of a sensitive finding are gone
// by now.
func (d *mdDoc) fix(f *lint.Finding) {
	if f.Fix == nil || len(f.Fix.Edits)+len(f.Fix.Files) == 0 {
		return
	}
	d.linef("Fix, replayed: %s\n", mdText(f.Fix.Title, 300))
	for _, n := range f.Fix.Files {
		d.linef("New file %s\n", mdCode(n.Path, 200))
		d.linef("%s", mdFence("sql", cutLines(cut(n.Text, 4000), 30)))
	}
}

// observed folds a table of statements for each migration.
func (d *mdDoc) observed() {
	for _, m := range d.r.Migrations {
		if len(m.Statements) == 0 {
			continue
		}
		d.open(fmt.Sprintf("<b>Observed</b> in %s: %s, %s", htmlCode(shortPath(d.r, m.Path), 200), count(len(m.Statements), "statement"), txText(m)))
		d.statements(m)
		d.close()
	}
}

// cell is a column of the table of statements.
type cell struct {
	head string
	text func(*lint.Statement) []string
}

func statementCells(timing bool) []cell {
	on := func(how, kind, object string) string {
		return strings.TrimPrefix(mdText(how, 60)+" on "+mdCode(withKind(kind, object), 100), " on ")
	}
	cells := []cell{
		{"Lock", func(s *lint.Statement) []string {
			return lockLines(s.Locks, func(l lint.Lock) bool { return !l.New && l.Kind != "toast table" })
		}},
		{"Scan", func(s *lint.Statement) (out []string) {
			for _, x := range s.Scans {
				if !x.New {
					out = append(out, mdCode(x.Object, 100))
				}
			}
			return out
		}},
		{"Rewrite", func(s *lint.Statement) (out []string) {
			for _, x := range s.Rewrites {
				if !x.New {
					out = append(out, on(x.Reason, x.Kind, x.Object))
				}
			}
			return out
		}},
		{"Held meanwhile", func(s *lint.Statement) []string { return lockLines(s.Held, worthARow) }},
		{"Rows, drops", func(s *lint.Statement) (out []string) {
			for _, x := range s.Rows {
				out = append(out, rowsText(x)+" in "+mdCode(x.Object, 100))
			}
			for _, x := range s.Dropped {
				out = append(out, "drops "+mdCode(withKind(x.Kind, x.Object), 100)+onlyIf(x.Cascade, " by CASCADE"))
			}
			if s.Error != "" {
				out = append(out, "**fails**: "+mdText(s.Error, 300))
			}
			return out
		}},
	}
	if timing {
		cells = append(cells, cell{"Took", func(s *lint.Statement) []string { return []string{fmt.Sprintf("%.1f ms", s.DurationMS)} }})
	}
	return cells
}

// lockLines is a line for each mode and statement that took it, with all its
// relations.
func lockLines(locks []lint.Lock, shown func(lint.Lock) bool) []string {
	type key struct {
		mode  string
		since int
	}
	var keys []key
	on := map[key][]string{}
	for _, l := range locks {
		if k := (key{l.Mode, l.Since}); shown(l) {
			if on[k] == nil {
				keys = append(keys, k)
			}
			on[k] = append(on[k], mdCode(withKind(l.Kind, l.Object), 100))
		}
	}
	var out []string
	for _, k := range keys {
		objects := on[k]
		if n := len(objects); n > 12 {
			objects = append(objects[:12:12], fmt.Sprintf("%d more", n-12))
		}
		line := mdText(k.mode, 60) + " on " + strings.Join(objects, ", ")
		if k.since > 0 {
			line += fmt.Sprintf(" since line %d", k.since)
		}
		out = append(out, line)
	}
	return out
}

func (d *mdDoc) statements(m *lint.Migration) {
	var cells []cell
	for _, c := range statementCells(d.o.Timing) {
		for _, s := range m.Statements {
			if len(c.text(s)) > 0 {
				cells = append(cells, c)
				break
			}
		}
	}
	head, rule := "| Line | Statement |", "|--:|---|"
	for _, c := range cells {
		head += " " + c.head + " |"
		rule += "---|"
	}
	d.linef("%s\n%s", head, rule)
	for i, s := range m.Statements {
		if i == maxRows {
			break
		}
		row := fmt.Sprintf("| %d | %s |", s.Line, mdText(s.Tag, 60))
		for _, c := range cells {
			parts := c.text(s)
			if len(parts) > 12 {
				parts = append(parts[:12:12], fmt.Sprintf("… %d more", len(parts)-12))
			}
			row += " " + strings.Join(parts, "<br>") + " |"
		}
		d.linef("%s", row)
	}
	if n := len(m.Statements) - maxRows; n > 0 {
		d.linef("\n… and %s more.", count(n, "statement"))
	}
	d.linef("")
}

func (d *mdDoc) pictures() {
	g := d.r.Diagram
	if g == nil {
		return
	}
	if text := mermaidER(g); text != "" {
		d.open("<b>Tables that change</b>")
		d.linef("%s", mdFence("mermaid", text))
		d.close()
	}
	if text := mermaidChains(g); text != "" {
		d.open("<b>Dropped by CASCADE</b>")
		d.linef("%s", mdFence("mermaid", text))
		d.close()
	}
}

func (d *mdDoc) suppressed() {
	if len(d.r.Suppressed) == 0 {
		return
	}
	d.open("<b>Suppressed</b>: " + entities(suppressedCount(d.r.Suppressed)))
	d.linef("| Check | Place | By | Reason |\n|---|---|---|---|")
	for _, s := range d.r.Suppressed {
		d.linef("| %s | %s | %s | %s |", mdLink(ruleLabel(s.Finding), s.URL), d.place(s.Finding), mdText(suppressedBy(s), 200), mdText(s.Reason, 300))
	}
	d.linef("")
	d.close()
}

func (d *mdDoc) notices() {
	if t := sizesWanted(d.r.Findings); t != "" {
		d.linef("> %s\n", t) // ours, with a number in it
	}
	for _, n := range d.r.Notices {
		at := ""
		if n.Path != "" {
			at = mdCode(fmt.Sprintf("%s:%d", shortPath(d.r, n.Path), max(n.Line, 1)), 200) + " "
		}
		d.linef("> %s%s\n", at, mdText(n.Text, 500))
	}
}

// finish puts marker, body and footer together within the limit.
func (d *mdDoc) finish() string {
	r := d.r
	parts := []string{mdText("assay "+r.Tool.Version, 60), mdText("PostgreSQL "+r.Database.Version, 60) + onlyIf(r.Database.Source != "", " ("+mdText(r.Database.Source, 80)+")")}
	if r.Dir != "" {
		parts = append(parts, mdCode(r.Dir, 120)+onlyIf(r.Format != "", " ("+mdText(r.Format, 30)+")"))
	}
	if u := webURL(d.o.ReportURL); u != "" {
		parts = append(parts, mdLink("full report", u))
	}
	tail := "<sub>" + strings.Join(parts, " · ") + "</sub>\n"
	if d.o.Footer != "" {
		tail = d.o.Footer + "\n\n" + tail
	}
	head := ""
	if d.o.Marker != "" {
		head = d.o.Marker + "\n"
	}
	body := d.String()
	if d.o.Limit <= 0 || len(head)+len(body)+len(tail) <= d.o.Limit {
		return head + body + tail
	}
	note := "\n> Cut here: the report is longer than this place takes."
	if u := webURL(d.o.ReportURL); u != "" {
		note += " " + mdLink("Read the full report", u) + "."
	} else {
		note += " The job has the full one: `assay lint -o html=report.html`."
	}
	note += "\n\n"
	body = cutMarkdown(body, d.o.Limit-len(head)-len(tail)-len(note))
	return head + body + note + tail
}

// cutMarkdown keeps whole lines of at most limit bytes, closes the folded
// sections that are open then, and leaves out a fenced block that would be cut.
func cutMarkdown(body string, limit int) string {
	const closer = "\n</details>\n"
	size, good, goodDepth, depth, fence := 0, 0, 0, 0, ""
	for line := range strings.Lines(body) {
		size += len(line)
		text := strings.TrimRight(line, "\n")
		switch {
		case fence != "":
			if text == fence {
				fence = ""
			}
		case strings.HasPrefix(text, "```"):
			fence = text[:len(text)-len(strings.TrimLeft(text, "`"))]
		case text == "<details>":
			depth++
		case text == "</details>":
			depth--
		}
		if size+depth*len(closer) > limit {
			break
		}
		// A section is opened together with its title.
		if fence == "" && text != "<details>" {
			good, goodDepth = size, depth
		}
	}
	return body[:good] + strings.Repeat(closer, goodDepth)
}
