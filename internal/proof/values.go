package proof

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

const null = "NULL"

var keywordLike = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// words are the reserved ones of SQL, which names must not be without quotes.
var words = func() map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(`all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
column concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user
default deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner intersect
into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps
placing primary references returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
unique user using variadic verbose when where window with`) {
		out[w] = true
	}
	return out
}()

// ident writes a name as SQL needs it.
func ident(name string) string {
	if keywordLike.MatchString(name) && !words[name] {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// tableName is a relation as the rows name it: without the schema where it is public.
func tableName(r *schema.Relation) string {
	if r.Schema == "public" {
		return ident(r.Name)
	}
	return ident(r.Schema) + "." + ident(r.Name)
}

// fullName is a relation with its schema.
func fullName(r *schema.Relation) string { return ident(r.Schema) + "." + ident(r.Name) }

// quote writes a text as a literal.
func quote(s string) string {
	if strings.Contains(s, `\`) {
		return " E'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", "''") + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// typ is a column type taken apart.
type typ struct {
	name  string // "character varying", "public.mood"
	mods  []int  // of (10,2)
	array bool
	user  *schema.Type // enum, domain, composite, range; nil for others
}

var typeText = regexp.MustCompile(`^(.*?)(?:\((\d+)(?:,(-?\d+))?\))?((?: with(?:out)? time zone)?)((?:\[\])*)$`)

// types knows the types of a catalog by their text.
type types struct{ byName map[string]*schema.Type }

func newTypes(c *schema.Catalog) *types {
	t := &types{byName: map[string]*schema.Type{}}
	for _, u := range c.Types {
		t.byName[ident(u.Schema)+"."+ident(u.Name)] = u
	}
	return t
}

// parse takes a type's text apart.
func (t *types) parse(text string) typ {
	m := typeText.FindStringSubmatch(text)
	if m == nil {
		return typ{name: text}
	}
	out := typ{name: m[1] + m[4], array: m[5] != ""}
	for _, n := range m[2:4] {
		if v, err := strconv.Atoi(n); err == nil {
			out.mods = append(out.mods, v)
		}
	}
	out.user = t.byName[out.name]
	return out
}

// plain is the type's text without its modifier, for casts that must not cut a value.
func (t typ) plain() string {
	if t.array {
		return t.name + "[]"
	}
	if t.name == "character" { // without one it means character(1)
		return "bpchar"
	}
	return t.name
}

// base is the type under domains.
func (t *types) base(x typ) typ {
	for x.user != nil && x.user.Kind == schema.Domain && !x.array {
		mods := x.mods
		x = t.parse(x.user.Base)
		if len(x.mods) == 0 {
			x.mods = mods
		}
	}
	return x
}

// letters is the k-th short text: a, b, … z, ba, bb …
func letters(k int) string {
	s := ""
	for {
		s = string(rune('a'+k%26)) + s
		k /= 26
		if k == 0 {
			return s
		}
	}
}

// limit is how many characters or bits fit, 0 for any number.
func (t typ) limit() int {
	switch t.name {
	case "character varying", "character", "bit", "bit varying", `"char"`:
		if len(t.mods) > 0 {
			return t.mods[0]
		}
		if t.name != "character varying" && t.name != "bit varying" {
			return 1
		}
	}
	return 0
}

// numeric reports whether values are written without quotes.
func (t typ) numeric() bool {
	switch t.name {
	case "smallint", "integer", "bigint", "numeric", "real", "double precision", "oid", "money":
		return !t.array
	}
	return false
}

// texty reports whether any text is a value.
func (t typ) texty() bool {
	switch last(t.name) {
	case "text", "character varying", "character", "citext", "name", "bpchar":
		return !t.array
	}
	return false
}

// temporal reports whether values are dates or times with a date.
func (t typ) temporal() bool {
	return !t.array && (t.name == "date" || strings.HasPrefix(t.name, "timestamp"))
}

func last(name string) string {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	return strings.Trim(name, `"`)
}

// sample gives the k-th readable value of a type; different k give different
// values as long as the type has as many.
func (t *types) sample(x typ, k int) string {
	x = t.base(x)
	if x.array {
		if k == 0 {
			return "'{}'"
		}
		x.array = false
		return "ARRAY[" + t.sample(x, k-1) + "]::" + x.name + "[]"
	}
	if x.user != nil {
		return t.sampleUser(x, k)
	}
	switch x.name {
	case "smallint", "integer", "bigint", "oid", "real", "double precision", "money":
		return strconv.Itoa(k + 1)
	case "numeric":
		if len(x.mods) == 2 && x.mods[0] <= x.mods[1] { // numeric(2,2): below one
			return "0." + strings.Repeat("0", x.mods[1]-1) + strconv.Itoa(k%9+1)
		}
		return strconv.Itoa(k + 1)
	case "boolean":
		return []string{"true", "false"}[k%2]
	case "date":
		return "'" + day(k) + "'"
	case "timestamp without time zone", "timestamp with time zone":
		return "'" + day(k) + "'"
	case "time without time zone", "time with time zone":
		return fmt.Sprintf("'%02d:%02d'", k/60%24, k%60)
	case "interval":
		return fmt.Sprintf("'%d days'", k+1)
	case "uuid":
		return fmt.Sprintf("'00000000-0000-0000-0000-%012d'", k+1)
	case "json", "jsonb":
		if k == 0 {
			return "'{}'"
		}
		return fmt.Sprintf(`'{"n": %d}'`, k)
	case "bytea":
		return fmt.Sprintf(`'\x%04x'`, k+1)
	}
	return sampleRare(x, k)
}

func sampleRare(x typ, k int) string {
	n := k + 1
	switch x.name {
	case "inet", "cidr":
		return fmt.Sprintf("'10.0.%d.%d'", n/250, n%250)
	case "macaddr", "macaddr8":
		return fmt.Sprintf("'08:00:2b:01:%02x:%02x'", n/256, n%256)
	case "bit", "bit varying":
		s := strconv.FormatInt(int64(k), 2)
		if l := x.limit(); len(s) < l {
			s = strings.Repeat("0", l-len(s)) + s
		}
		return "B'" + s + "'"
	case "int4range", "int8range", "numrange":
		return fmt.Sprintf("'[%d,%d)'", n*10, n*10+1)
	case "tsrange", "tstzrange", "daterange":
		return fmt.Sprintf("'[%s,%s)'", day(k*2), day(k*2+1))
	case "int4multirange", "int8multirange", "nummultirange":
		return fmt.Sprintf("'{[%d,%d)}'", n*10, n*10+1)
	case "tsmultirange", "tstzmultirange", "datemultirange":
		return fmt.Sprintf("'{[%s,%s)}'", day(k*2), day(k*2+1))
	case "point":
		return fmt.Sprintf("'(%d,%d)'", n, n)
	case "box", "lseg":
		return fmt.Sprintf("'(%d,%d),(%d,%d)'", n, n, n+1, n+1)
	case "circle":
		return fmt.Sprintf("'<(%d,%d),1>'", n, n)
	case "polygon", "path":
		return fmt.Sprintf("'((%d,%d),(%d,%d))'", n, n, n+1, n+1)
	case "line":
		return fmt.Sprintf("'{1,1,%d}'", n)
	case "xml":
		return fmt.Sprintf("'<a>%d</a>'", n)
	case "pg_lsn":
		return fmt.Sprintf("'0/%X'", n)
	case "jsonpath":
		return fmt.Sprintf("'$.a%d'", n)
	case "regclass", "regtype", "regproc", "regprocedure", "regrole", "xid", "cid", "tid", "xid8":
		return strconv.Itoa(n)
	}
	switch last(x.name) {
	case "hstore":
		return fmt.Sprintf("'a=>%d'", n)
	case "vector", "halfvec":
		dims := 1
		if len(x.mods) > 0 {
			dims = x.mods[0]
		}
		return "'[" + strings.TrimSuffix(strings.Repeat(strconv.Itoa(n)+",", dims), ",") + "]'"
	case "geometry", "geography":
		return fmt.Sprintf("'POINT(%d %d)'", n, n)
	case "cube":
		return fmt.Sprintf("'(%d)'", n)
	}
	return quote(letters(k))
}

func (t *types) sampleUser(x typ, k int) string {
	u := x.user
	switch u.Kind {
	case schema.Enum:
		if len(u.Labels) > 0 {
			return quote(u.Labels[k%len(u.Labels)])
		}
	case schema.Composite:
		var parts []string
		for _, a := range u.Attributes {
			parts = append(parts, t.sample(t.parse(a.Type), k))
		}
		return "ROW(" + strings.Join(parts, ", ") + ")::" + x.name
	case schema.Range:
		return "'empty'"
	}
	return quote(letters(k))
}

func day(k int) string {
	return fmt.Sprintf("%04d-%02d-%02d", 2024+k/336, k/28%12+1, k%28+1)
}

var (
	textConst   = regexp.MustCompile(`'((?:[^']|'')*)'`)
	numberConst = regexp.MustCompile(`(?:^|[^\w.'])(-?\d+(?:\.\d+)?)\b`)
	dateConst   = regexp.MustCompile(`^\d{4}-\d\d-\d\d`)
	operator    = regexp.MustCompile(`(~~?\*?|LIKE|SIMILAR TO)\s*\(?\s*E?'`)
)

// constants draws values of a type from the constants of expressions: those
// that stand there, and those beside, before and after them.
func (t *types) constants(x typ, exprs []string) []string {
	x = t.base(x)
	var out []string
	add := func(s string) {
		if !slices.Contains(out, s) && len(out) < 24 {
			out = append(out, s)
		}
	}
	for _, e := range exprs {
		switch {
		case x.numeric():
			numbers(x, e, add)
		case x.texty():
			texts(x, e, add)
		case x.temporal():
			for _, m := range textConst.FindAllStringSubmatch(e, -1) {
				if dateConst.MatchString(m[1]) {
					add("'" + m[1] + "'")
					add("'" + beside(m[1][:10], -1) + "'")
					add("'" + beside(m[1][:10], 1) + "'")
				}
			}
		case x.name == "json" || x.name == "jsonb":
			jsons(e, add)
		case x.array && !strings.Contains(e, "ANY ("):
			for _, m := range textConst.FindAllStringSubmatch(e, -1) {
				if t.base(typ{name: x.name, user: x.user}).texty() {
					add("ARRAY['" + m[1] + "']::" + x.name + "[]")
				}
			}
		}
	}
	return out
}

func numbers(x typ, e string, add func(string)) {
	text := textConst.ReplaceAllStringFunc(e, func(s string) string { return " " + strings.Trim(s, "'") + " " })
	for _, m := range numberConst.FindAllStringSubmatch(text, -1) {
		add(m[1])
		if n, err := strconv.ParseInt(m[1], 10, 64); err == nil {
			add(strconv.FormatInt(n+1, 10))
			add(strconv.FormatInt(n-1, 10))
		} else if f, err := strconv.ParseFloat(m[1], 64); err == nil {
			add(strconv.FormatFloat(f+1, 'f', -1, 64))
			add(strconv.FormatFloat(f-1, 'f', -1, 64))
		}
	}
	add("0")
	add("-1")
	if x.name == "numeric" || x.name == "real" || x.name == "double precision" {
		add("0.5")
	}
}

func texts(x typ, e string, add func(string)) {
	for _, at := range textConst.FindAllStringSubmatchIndex(e, -1) {
		text := strings.ReplaceAll(e[at[2]:at[3]], "''", "'")
		head := e[max(0, at[0]-16):at[0]]
		if operator.MatchString(head + "'") {
			for _, s := range matching(text, strings.Contains(head, "~~") || strings.Contains(head, "LIKE")) {
				add(quote(s))
			}
			continue
		}
		add(quote(text))
	}
	if strings.Contains(e, "length(") || strings.Contains(e, "octet_length(") {
		for _, m := range numberConst.FindAllStringSubmatch(e, -1) {
			if n, err := strconv.Atoi(m[1]); err == nil && n >= 0 && n < 5000 {
				for _, l := range []int{n, n + 1, n - 1} {
					if l >= 0 && (x.limit() == 0 || l <= x.limit()) {
						add(quote(strings.Repeat("a", l)))
					}
				}
			}
		}
	}
	for _, s := range []string{"", "A", "1", "a@b.cc", "https://a.bc", "a-b", " a "} {
		if x.limit() == 0 || len(s) <= x.limit() {
			add(quote(s))
		}
	}
}

func jsons(e string, add func(string)) {
	add("'{}'")
	add("'[]'")
	add("'[1]'")
	add("'1'")
	add(`'"a"'`)
	var keys []string
	for _, m := range textConst.FindAllStringSubmatch(e, -1) {
		if keywordLike.MatchString(strings.ToLower(m[1])) && !slices.Contains(keys, m[1]) {
			keys = append(keys, m[1])
		}
	}
	for _, v := range []string{`"a"`, "1", "{}", "[]", "true"} {
		for _, k := range keys {
			add(`'{"` + k + `": ` + v + `}'`)
		}
		if len(keys) > 1 {
			all := make([]string, len(keys))
			for i, k := range keys {
				all[i] = `"` + k + `": ` + v
			}
			add("'{" + strings.Join(all, ", ") + "}'")
		}
	}
}
