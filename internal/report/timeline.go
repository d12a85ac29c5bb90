package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

// Sizes of the lock timeline, in CSS pixels; columns are stepWidth or wider.
const (
	stepWidth  = 120
	headHeight = 46
	rowHeight  = 62
	maxSteps   = 30
	maxLocked  = 16
)

// timeline is the picture of one transaction: a row for each table, a column
// for each statement, a bar from the statement that takes a lock to commit.
type timeline struct {
	Title   string
	Picture template.HTML
	Left    string // what was left out, empty if nothing was
}

// span is a lock from the statement that took it to the end.
type span struct {
	from int // column
	mode string
}

// lockRow is a relation with its locks, growing in strength.
type lockRow struct {
	object   string
	spans    []span
	scans    map[int]bool
	rewrites map[int]bool
}

func (r *lockRow) strongest() string {
	best := ""
	for _, s := range r.spans {
		if strength(s.mode) > strength(best) {
			best = s.mode
		}
	}
	return best
}

func strength(mode string) int { return devdb.LockMode(mode).Strength() }

// timelines draws each transaction of a migration that locks anything which
// was there before.
func timelines(m *lint.Migration) []timeline {
	var out []timeline
	for _, group := range transactions(m) {
		if t, ok := drawTimeline(group); ok {
			out = append(out, t)
		}
	}
	return out
}

// transactions splits the statements at the ends of transactions; those that
// run outside one stay together.
func transactions(m *lint.Migration) [][]*lint.Statement {
	var out [][]*lint.Statement
	for i, s := range m.Statements {
		if i == 0 || s.InTransaction != m.Statements[i-1].InTransaction || s.InTransaction && s.Transaction != m.Statements[i-1].Transaction {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], s)
	}
	return out
}

func drawTimeline(group []*lint.Statement) (timeline, bool) {
	inTx := group[0].InTransaction
	steps := slices.DeleteFunc(slices.Clone(group), func(s *lint.Statement) bool { return len(group) > 6 && quiet(s) })
	t := timeline{Title: fmt.Sprintf("transaction, lines %d to %d", group[0].Line, group[len(group)-1].EndLine)}
	if !inTx {
		t.Title = fmt.Sprintf("outside a transaction, lines %d to %d", group[0].Line, group[len(group)-1].EndLine)
	}
	var left []string
	if n := len(group) - len(steps); n > 0 {
		left = append(left, count(n, "statement")+" that "+onlyIf(n == 1, "locks")+onlyIf(n > 1, "lock")+" nothing")
	}
	if n := len(steps) - maxSteps; n > 0 {
		steps = steps[:maxSteps]
		left = append(left, count(n, "later statement"))
	}
	rows := lockRows(steps)
	if len(rows) == 0 {
		return t, false
	}
	if n := len(rows) - maxLocked; n > 0 {
		rows = rows[:maxLocked]
		left = append(left, count(n, "more weakly locked relation"))
	}
	if len(left) > 0 {
		t.Left = "Not drawn: " + strings.Join(left, ", ") + "."
	}
	t.Picture = paintTimeline(steps, rows, inTx, t.Title)
	return t, true
}

// quiet tells a statement that would be an empty column.
func quiet(s *lint.Statement) bool {
	return !slices.ContainsFunc(s.Locks, worthARow) && len(s.Scans) == 0 && len(s.Rewrites) == 0
}

// worthARow leaves out what nobody else can wait for and what goes with its table.
func worthARow(l lint.Lock) bool {
	return !l.New && !strings.Contains(l.Kind, "index") && !strings.Contains(l.Kind, "toast") && l.Kind != "sequence"
}

// lockRows collects the relations that are locked, the strongest first.
func lockRows(steps []*lint.Statement) []*lockRow {
	byName := map[string]*lockRow{}
	var rows []*lockRow
	row := func(name string) *lockRow {
		if byName[name] == nil {
			byName[name] = &lockRow{object: name, scans: map[int]bool{}, rewrites: map[int]bool{}}
			rows = append(rows, byName[name])
		}
		return byName[name]
	}
	for i, s := range steps {
		for _, l := range s.Locks {
			if worthARow(l) {
				r := row(l.Object)
				if !s.InTransaction || strength(l.Mode) > strength(r.strongest()) {
					r.spans = append(r.spans, span{i, l.Mode})
				}
			}
		}
	}
	for i, s := range steps {
		for _, x := range s.Scans {
			if r := byName[x.Object]; r != nil && !x.New {
				r.scans[i] = true
			}
		}
		for _, x := range s.Rewrites {
			if r := byName[x.Object]; r != nil && !x.New {
				r.rewrites[i] = true
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b *lockRow) int {
		return cmp.Or(cmp.Compare(strength(b.strongest()), strength(a.strongest())), cmp.Compare(a.spans[0].from, b.spans[0].from), cmp.Compare(a.object, b.object))
	})
	return rows
}

func paintTimeline(steps []*lint.Statement, rows []*lockRow, inTx bool, title string) template.HTML {
	p := new(svg)
	sw := max(260/len(steps), stepWidth) // few statements leave room for long names
	w := len(steps)*sw + 2
	h := headHeight + len(rows)*rowHeight + 8
	for i, s := range steps {
		x := i * sw
		p.open("step", fmt.Sprintf("line %d: %s", s.Line, s.Tag))
		p.text(x+6, 18, "t-line", fmt.Sprintf("line %d", s.Line))
		p.text(x+6, 34, "t-tag", fit(s.Tag, 15))
		p.close()
		p.line(x+1, 4, x+1, h-4, "grid")
	}
	end := "grid"
	if inTx {
		end = "commit"
	}
	p.line(w-1, 4, w-1, h-4, end)
	for i, r := range rows {
		paintRow(p, r, headHeight+i*rowHeight, sw, len(steps), inTx)
	}
	width := w
	if inTx {
		p.text(w+6, 18, "t-line", "commit")
		width += 52
	}
	return p.picture(max(width, 330), h, "lock timeline, "+title)
}

func paintRow(p *svg, r *lockRow, y, sw, steps int, inTx bool) {
	mode := r.strongest()
	p.text(6, y+14, "t-name", fit(r.object, 44))
	p.text(6, y+29, "t-who "+modeClass(mode), mode+": "+whoWaits(mode))
	for i, s := range r.spans {
		to := steps
		if !inTx {
			to = s.from + 1
		} else if i+1 < len(r.spans) {
			to = r.spans[i+1].from
		}
		p.open("bar", fmt.Sprintf("%s on %s: %s", s.mode, r.object, whoWaits(s.mode)))
		p.rect(s.from*sw+3, y+36, (to-s.from)*sw-5, 18, 4, "lock "+modeClass(s.mode))
		p.close()
	}
	for i := range steps {
		x := i*sw + 5
		if r.scans[i] {
			p.open("mark", "reads the whole of "+r.object)
			p.rect(x, y+38, 36, 14, 7, "chip")
			p.text(x+6, y+49, "t-chip", "scan")
			p.close()
			x += 38
		}
		if r.rewrites[i] {
			p.open("mark", "rewrites all of "+r.object)
			p.rect(x, y+38, 50, 14, 7, "chip")
			p.text(x+6, y+49, "t-chip", "rewrite")
			p.close()
		}
	}
}

// whoWaits says who must wait for a lock, for people.
func whoWaits(mode string) string {
	switch blocks(mode) {
	case "reads and writes":
		return "reads and writes wait"
	case "writes":
		return "writes wait"
	}
	if strength(mode) >= devdb.ShareUpdateExclusive.Strength() {
		return "only other DDL and vacuum wait"
	}
	return "only strong locks wait"
}

func modeClass(mode string) string {
	switch blocks(mode) {
	case "reads and writes":
		return "all"
	case "writes":
		return "writes"
	}
	return "weak"
}
