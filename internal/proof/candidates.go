package proof

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// oddity is how unusual a value is in a table that people use.
type oddity int

// The oddities. A proof prefers the lower ones.
const (
	plain   oddity = iota // as most rows have it, or as the statement names it
	odd                   // seen in every large table: empty, zero, negative, long, of a leap day
	extreme               // the end of a type's range, which hardly anybody stores
)

// candidate is a value for a column, as a literal.
type candidate struct {
	lit string
	odd oddity
}

// mostCandidates bounds how many values a column of a crowd has.
const mostCandidates = 16

// candidates gives values of a type, ordinary ones first. near are the parts of
// the statement that stand beside the column's name: their constants decide
// which rows it takes.
func (t *types) candidates(x typ, near []string) []candidate {
	x = t.base(x)
	var out []candidate
	add := func(o oddity, lits ...string) {
		for _, l := range lits {
			if l != "" && fitsIn(x, l) && !slices.ContainsFunc(out, func(c candidate) bool { return c.lit == l }) {
				out = append(out, candidate{l, o})
			}
		}
	}
	if x.array {
		t.arrays(x, near, add)
		return cut(out)
	}
	add(plain, t.sample(x, 0), t.sample(x, 1))
	switch {
	case x.user != nil && x.user.Kind == schema.Enum:
		for _, l := range x.user.Labels {
			add(plain, quote(l))
		}
	case x.numeric():
		add(plain, constantsOnly(t, x, near)...)
		numberCandidates(x, add)
	case x.texty():
		textCandidates(x, near, add)
	case x.temporal():
		add(plain, t.constants(x, near)...)
		add(odd, "'2024-02-29'", "'2024-01-31'", "'2024-12-31'", "'1970-01-01'")
		add(extreme, "'9999-12-31'", "'infinity'", "'0044-03-15 BC'")
	case x.name == "interval":
		add(odd, "'00:00'", "'-1 days'", "'1 mon'", "'400 days'")
	case strings.HasPrefix(x.name, "time"):
		add(odd, "'00:00'", "'23:59:59'")
	case x.name == "json" || x.name == "jsonb":
		jsonCandidates(near, add)
	case x.name == "bytea":
		add(odd, `'\x'`, `'\xff'`)
	case x.name == "inet":
		add(odd, "'::1'", "'10.0.0.0/8'")
	case strings.HasSuffix(x.name, "range"):
		add(odd, "'empty'", "'(,)'")
	}
	return cut(out)
}

// cut bounds candidates, the least usual of which go first.
func cut(all []candidate) []candidate {
	slices.SortStableFunc(all, func(a, b candidate) int { return int(a.odd) - int(b.odd) })
	if len(all) <= mostCandidates {
		return all
	}
	var out []candidate
	left := map[oddity]int{plain: mostCandidates - 8, odd: 6, extreme: 2}
	for o, n := range left {
		have := 0
		for _, c := range all {
			if c.odd == o {
				have++
			}
		}
		if o > plain && have < n { // what the others do not need
			left[plain] += n - have
		}
	}
	for _, c := range all {
		if left[c.odd] > 0 {
			left[c.odd]--
			out = append(out, c)
		}
	}
	return out
}

// constantsOnly are the constants beside a number column, and their neighbours.
func constantsOnly(t *types, x typ, near []string) []string {
	all := t.constants(x, near)
	return slices.DeleteFunc(all, func(s string) bool { return s == "0" || s == "-1" || s == "0.5" })
}

func numberCandidates(x typ, add func(oddity, ...string)) {
	add(odd, "0", "-1")
	switch x.name {
	case "smallint":
		add(odd, "300")
		add(extreme, "30000")
	case "integer":
		add(odd, "40000", "3000000")
		add(extreme, "2000000000")
	case "bigint":
		add(odd, "40000", "3000000000", "1700000000000")
	case "numeric":
		switch {
		case len(x.mods) == 0:
			add(odd, "0.5", "40000", "3000000000")
		case len(x.mods) == 1 || x.mods[1] <= 0:
			add(odd, strings.Repeat("9", x.mods[0]))
		case x.mods[0] > x.mods[1]:
			add(odd, strings.Repeat("9", x.mods[0]-x.mods[1])+"."+strings.Repeat("9", x.mods[1]))
		}
	case "real", "double precision":
		add(odd, "0.5", "3000000000")
		add(extreme, "'NaN'", "'Infinity'")
	}
}

// unbounded is a pattern of a number, whose length nothing limits.
var unbounded = regexp.MustCompile(`\\d[+*]|\[0-9\][+*]|\[\[:digit:\]\][+*]`)

func textCandidates(x typ, near []string, add func(oddity, ...string)) {
	add(plain, "'A'", "'b c'", "'12'")
	whole := strings.Join(near, "\n")
	texts(x, whole, func(s string) {
		if o := plain; !slices.Contains([]string{"''", "' a '", "'1'"}, s) && !strings.HasPrefix(s, "'https") {
			add(o, s)
		}
	})
	if unbounded.MatchString(whole) {
		add(extreme, "'99999999999'", "'99999999999999999999'")
	}
	add(odd, "''", "' a '", "'1.5'", "'2024-02-30'", "'12345678'")
	n := x.limit()
	if n == 0 {
		n = 300
	}
	if n <= 4000 {
		add(odd, quote(strings.Repeat("a", n)))
	}
	add(odd, "'a,b;c/d:e'", `'{"a": 1'`)
}

// keyAfter are the keys of a JSON value that a statement reads.
var keyAfter = regexp.MustCompile(`(?:->>?|\?|#>>?|\(|,|\[)\s*'([A-Za-z_][\w-]*|\{[\w,-]+\})'`)

func jsonCandidates(near []string, add func(oddity, ...string)) {
	var paths [][]string
	for _, e := range near {
		for _, m := range keyAfter.FindAllStringSubmatch(e, -1) {
			keys := strings.Split(strings.Trim(m[1], "{}"), ",")
			if !slices.ContainsFunc(paths, func(p []string) bool { return slices.Equal(p, keys) }) && len(paths) < 4 {
				paths = append(paths, keys)
			}
		}
	}
	object := func(path []string, v string) string {
		for _, k := range slices.Backward(path) {
			v = `{"` + k + `": ` + v + `}`
		}
		return "'" + v + "'"
	}
	if len(paths) > 1 {
		both := slices.Concat(paths[0], paths[1])
		add(plain, object(both, `"a"`), object(both, "1"))
	}
	for _, v := range []string{`"a"`, "1"} {
		for _, p := range paths {
			add(plain, object(p, v))
		}
	}
	for _, v := range []string{`""`, "{}", "[1]", "null", "3000000000"} {
		for _, p := range paths {
			add(odd, object(p, v))
		}
	}
	add(plain, "'{}'", `'[{"a": 1}]'`)
	add(odd, "'[]'", `'"a"'`, "'1'", "'null'")
}

func (t *types) arrays(x typ, near []string, add func(oddity, ...string)) {
	elem := x
	elem.array = false
	wrap := func(parts ...string) string { return "ARRAY[" + strings.Join(parts, ", ") + "]::" + x.name + "[]" }
	all := t.candidates(elem, near)
	add(odd, "'{}'", wrap(null))
	for _, c := range all {
		add(c.odd, wrap(c.lit))
	}
	if len(all) > 1 {
		add(plain, wrap(all[0].lit, all[1].lit), wrap(all[0].lit, all[0].lit))
	}
}

// nearby are the parts of a text around a name.
func nearby(text, name string) []string {
	var out []string
	for _, at := range wordPattern(name).FindAllStringIndex(text, 8) {
		out = append(out, text[max(0, at[0]-48):min(len(text), at[1]+96)])
	}
	return out
}

// wordPattern finds a name in a text.
func wordPattern(name string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)(?:^|[^\w])` + regexp.QuoteMeta(name) + `(?:[^\w]|$)`)
}

var conditions = regexp.MustCompile(`(?i)\b(?:WHERE|ON|WHEN|IF|HAVING|AND|OR)\b`)

// asked is the value that a statement's condition asks a column for, empty if
// it asks for none: those of the rows that it takes.
func (t *types) asked(x typ, name, text string) string {
	at := conditions.FindStringIndex(text)
	if at == nil {
		return ""
	}
	x = t.base(x)
	head := `(?is)(?:^|[^\w'])"?` + regexp.QuoteMeta(name) + `"?\s*(?:::\s*\w+\s*)?`
	tail := text[at[0]:]
	if regexp.MustCompile(head + `IS\s+NULL\b`).MatchString(tail) {
		return null
	}
	m := regexp.MustCompile(head + `(=|>=|<=|>|<|IN\s*\(|BETWEEN|I?LIKE|~\*?|=\s*ANY\s*\(\s*ARRAY\s*\[)\s*('(?:[^']|'')*'|-?\d+(?:\.\d+)?)`).FindStringSubmatch(tail)
	if m == nil {
		return ""
	}
	op, lit := strings.ToUpper(strings.Fields(m[1])[0]), m[2]
	if op == "<" || op == ">" {
		return beyond(x, op, lit)
	}
	if strings.HasSuffix(op, "LIKE") || strings.HasPrefix(op, "~") {
		all := matching(strings.ReplaceAll(strings.Trim(lit, "'"), "''", "'"), strings.HasSuffix(op, "LIKE"))
		if len(all) == 0 {
			return ""
		}
		return quote(all[len(all)-1])
	}
	return lit
}

// beyond is a value just over or under a constant.
func beyond(x typ, op, lit string) string {
	step := 1
	if op == "<" {
		step = -1
	}
	if n, err := strconv.ParseInt(lit, 10, 64); err == nil {
		return strconv.FormatInt(n+int64(step), 10)
	}
	if day := strings.Trim(lit, "'"); x.temporal() && dateConst.MatchString(day) {
		return "'" + beside(day[:10], step) + "'"
	}
	return ""
}
