package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

// follow marks the statements that are refused only because an earlier one was:
// what they name is what that should have created.
func follow(all []*devdb.Recorded) {
	var failed []*devdb.Step
	for _, m := range all {
		for _, s := range m.Steps {
			if s.Err == nil {
				continue
			}
			if i := slices.IndexFunc(failed, func(e *devdb.Step) bool { return makes(e, s.Err) }); i >= 0 {
				if s.Err.Follows = failed[i]; failed[i].Err.Follows != nil {
					s.Err.Follows = failed[i].Err.Follows
				}
			}
			failed = append(failed, s)
		}
	}
}

// makes reports whether a refused statement should have created what another
// error misses, or dropped what that statement creates.
func makes(e *devdb.Step, err *devdb.StatementError) bool {
	if x := err.Statement.Syntax; drops(e) && strings.HasPrefix(x.Tag, "CREATE ") && strings.HasSuffix(x.Tag, strings.TrimPrefix(e.Stmt.Syntax.Tag, "DROP ")) &&
		slices.ContainsFunc(x.Objects, func(n string) bool { return slices.Contains(e.Stmt.Syntax.Objects, n) }) {
		return true
	}
	names := missing(err)
	own := missing(e.Err)
	for _, n := range names {
		if !slices.Contains(own, n) && mentions(e.Stmt.Text, n) {
			return true
		}
	}
	// An extension's members are not in the text that was to create it.
	return len(names) > 0 && e.Stmt.Syntax.Tag == "CREATE EXTENSION" && err.Code != "42P01" && err.Code != "42703" && !strings.HasPrefix(err.Message, "role ")
}

func drops(s *devdb.Step) bool { return strings.HasPrefix(s.Stmt.Syntax.Tag, "DROP ") }

var (
	quotedName = regexp.MustCompile(`"((?:[^"]|"")+)"`)
	calledName = regexp.MustCompile(`(?:function|procedure|routine|aggregate) ([^\s(]+)\(`)
	typedName  = regexp.MustCompile(`operator does not exist: (\S+) \S+ (\S+)`)
)

// missing are the names of what is not there, by an error that says so; the
// last part of a qualified one.
func missing(e *devdb.StatementError) []string {
	text := e.Message
	switch e.Code {
	case "42P01", "42703", "42704", "42883", "3F000":
	case "23503":
		text = regexp.MustCompile(`is not present in table .*`).FindString(e.Detail)
	default:
		return nil
	}
	var out []string
	for _, re := range []*regexp.Regexp{quotedName, calledName, typedName} {
		for _, m := range re.FindAllStringSubmatch(text, -1) {
			for _, n := range m[1:] {
				n = n[strings.LastIndexByte(n, '.')+1:]
				out = append(out, strings.ToLower(strings.Trim(n, `"`)))
			}
			if e.Code == "42703" { // column "x" of relation "t": the relation is there
				return out[:1]
			}
		}
	}
	return out
}

// mentions reports whether a name stands in a statement.
func mentions(text, name string) bool {
	return regexp.MustCompile(`(?i)(^|[^\w$])` + regexp.QuoteMeta(name) + `($|[^\w$])`).MatchString(text)
}

// unjudged says why a statement was not judged; empty if it was.
func unjudged(m *devdb.Recorded, s *devdb.Step) string {
	if s.Err == nil || s.Err.Follows == nil {
		return ""
	}
	at := placeFrom(m.Migration, s.Err.Follows.Stmt.Pos)
	if drops(s.Err.Follows) {
		return "it creates what " + at + " should have dropped"
	}
	return "it needs what " + at + " should have created"
}

// placeFrom names a place, as seen from a file.
func placeFrom(m *migration.Migration, p migration.Position) string {
	if p.Path == m.Path {
		return "line " + strconv.Itoa(p.Line)
	}
	return p.Path + ":" + strconv.Itoa(p.Line)
}

// unjudgedNotices say for each file which statements were not judged, and why.
func unjudgedNotices(r *devdb.Record) []lint.Notice {
	var out []lint.Notice
	for _, m := range r.New {
		var whys []string
		lines := map[string][]string{}
		first := map[string]int{}
		for _, s := range m.Steps {
			why := unjudged(m, s)
			if why == "" {
				continue
			}
			if lines[why] == nil {
				whys, first[why] = append(whys, why), s.Stmt.Pos.Line
			}
			lines[why] = append(lines[why], strconv.Itoa(s.Stmt.Pos.Line))
		}
		for _, why := range whys {
			n := lint.Notice{Path: m.Path, Line: first[why]}
			if l := lines[why]; len(l) == 1 {
				n.Text = fmt.Sprintf("the statement of line %s was not judged: %s", l[0], why)
			} else {
				shown := l[:min(len(l), 20)]
				more := ""
				if len(l) > len(shown) {
					more = fmt.Sprintf(" and %d more", len(l)-len(shown))
				}
				n.Text = fmt.Sprintf("the statements of lines %s%s were not judged: %s", strings.Join(shown, ", "), more, strings.NewReplacer("it needs", "they need", "it creates", "they create").Replace(why))
			}
			out = append(out, n)
		}
	}
	return out
}
