package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// Trace writes what each statement did, one fact a line: locks taken and held,
// scans, rewrites, rows, dropped objects. With o.Timing also how long it took
// on the dev database, which says nothing about production.
func Trace(w io.Writer, r *lint.Result, o Options) error {
	r = lint.Redacted(r)
	p := newPrinter(o)
	p.header(r)
	for _, m := range r.Migrations {
		p.line()
		p.line(p.paint(cyan, oneLine(m.Path, longLine)), p.paint(dim, "  "+txText(m)))
		p.table(m, o)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// txText says in which transactions a migration ran.
func txText(m *lint.Migration) string {
	numbers, outside := map[int]bool{}, 0
	for _, s := range m.Statements {
		if s.InTransaction {
			numbers[s.Transaction] = true
		} else {
			outside++
		}
	}
	switch {
	case len(m.Statements) == 0:
		return "no statements"
	case len(numbers) == 0:
		return "each statement by itself, outside a transaction"
	case outside == 0 && len(numbers) == 1:
		return "one transaction"
	case outside == 0:
		return fmt.Sprintf("%d transactions", len(numbers))
	}
	return fmt.Sprintf("%s, %s outside", count(len(numbers), "transaction"), count(outside, "statement"))
}

// fact is one thing that a statement did.
type fact struct{ what, how, on string }

// facts lists what a statement did in the order a reader asks for it.
func facts(s *lint.Statement) []fact {
	var out []fact
	for _, l := range s.Locks {
		if l.Kind != "toast table" && !(l.New && l.Kind == "index") {
			out = append(out, fact{"locks", l.Mode, lockedObject(l)})
		}
	}
	for _, l := range s.Held {
		if l.Kind != "toast table" && !l.New { // nobody waits for what only this change knows
			out = append(out, fact{"held", l.Mode, lockedObject(l)})
		}
	}
	for _, x := range s.Scans {
		how := ""
		if x.Count > 1 {
			how = fmt.Sprintf("%d times", x.Count)
		}
		out = append(out, fact{"scans", how, x.Object + ifNew(x.New)})
	}
	for _, x := range s.Rewrites {
		out = append(out, fact{"rewrites", x.Reason, withKind(x.Kind, x.Object) + ifNew(x.New)})
	}
	for _, x := range s.Rows {
		out = append(out, fact{"rows", rowsText(x), x.Object})
	}
	for _, x := range s.Dropped {
		how := ""
		if x.Cascade {
			how = "by CASCADE"
		}
		out = append(out, fact{"drops", how, withKind(x.Kind, x.Object)})
	}
	if s.Error != "" {
		out = append(out, fact{"fails", "", s.Error})
	}
	if s.NotJudged != "" {
		out = append(out, fact{"not judged", "", s.NotJudged})
	}
	return out
}

func lockedObject(l lint.Lock) string {
	s := withKind(l.Kind, l.Object) + ifNew(l.New)
	if l.Since > 0 {
		s += fmt.Sprintf(" (since line %d)", l.Since)
	}
	if l.Inferred {
		s += " (inferred)"
	}
	return s
}

func withKind(kind, object string) string {
	if kind == "" || kind == "table" {
		return object
	}
	return kind + " " + object
}

func ifNew(isNew bool) string {
	if isNew {
		return " (new)"
	}
	return ""
}

func rowsText(c lint.RowCount) string {
	var parts []string
	for _, x := range []struct {
		n    int64
		verb string
	}{{c.Inserted, "inserted"}, {c.Updated, "updated"}, {c.Deleted, "deleted"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.verb))
		}
	}
	return strings.Join(parts, ", ")
}

// table writes the statements of one migration.
func (p *printer) table(m *lint.Migration, o Options) {
	if len(m.Statements) == 0 {
		return
	}
	tag, how := len("statement"), 0
	for _, s := range m.Statements {
		tag = max(tag, columns(oneLine(s.Tag, 30)))
		for _, f := range facts(s) {
			how = max(how, columns(oneLine(f.how, 40)))
		}
	}
	head := fmt.Sprintf("  %6s  %-*s", "line", tag, "statement")
	if o.Timing {
		head += "        took"
	}
	p.line(p.paint(dim, head))
	for i, s := range m.Statements {
		if i > 0 && s.InTransaction && m.Statements[i-1].InTransaction && s.Transaction != m.Statements[i-1].Transaction {
			p.line(p.paint(dim, "          ── commit ──"))
		}
		p.row(s, tag, how, o)
	}
}

func (p *printer) row(s *lint.Statement, tag, how int, o Options) {
	lead := fmt.Sprintf("  %6d  %s", s.Line, pad(oneLine(s.Tag, 30), tag))
	if o.Timing {
		lead += fmt.Sprintf("  %7.1f ms", s.DurationMS)
	}
	width := columns(lead)
	list := facts(s)
	if len(list) == 0 {
		p.line(lead, p.paint(dim, "  –"))
	}
	for _, f := range list {
		modeStyle := plain
		if f.what == "locks" || f.what == "held" {
			modeStyle = modeColor(f.how)
		}
		what := f.what
		p.line(lead, "  ", p.paint(dim, pad(what, 9)), p.paint(modeStyle, pad(oneLine(f.how, 40), how)), "  ", oneLine(f.on, longLine))
		lead = strings.Repeat(" ", width)
	}
}

// modeColor is red for a lock that stops readers, yellow for one that stops writers.
func modeColor(mode string) style {
	switch blocks(mode) {
	case "reads and writes":
		return red
	case "writes":
		return yellow
	}
	return plain
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-columns(s)))
}
