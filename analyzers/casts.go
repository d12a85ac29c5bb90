package analyzers

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// typeName is a type as format_type writes it, taken apart.
type typeName struct {
	base  string
	mods  []int
	array bool
}

var typeForm = regexp.MustCompile(`^(.*?)(?:\((\d+)(?:,(-?\d+))?\))?( with(?:out)? time zone)?((?:\[\])*)$`)

func parseType(s string) typeName {
	m := typeForm.FindStringSubmatch(s)
	if m == nil {
		return typeName{base: s}
	}
	t := typeName{base: m[1] + m[4], array: m[5] != ""}
	for _, n := range m[2:4] {
		if v, err := strconv.Atoi(n); err == nil {
			t.mods = append(t.mods, v)
		}
	}
	return t
}

var intDigits = map[string]int{"smallint": 5, "integer": 10, "bigint": 19}

func (t typeName) isText() bool {
	return slices.Contains([]string{"text", "character varying", "character", "citext", "public.citext", "name"}, t.base)
}

func (t typeName) isStamp() bool { return strings.HasPrefix(t.base, "timestamp") }

func (t typeName) isFloat() bool { return t.base == "real" || t.base == "double precision" }

// limit is the length that a text type allows, 0 for none.
func (t typeName) limit() int {
	switch {
	case len(t.mods) > 0:
		return t.mods[0]
	case t.base == "character":
		return 1
	}
	return 0
}

// precision and scale of numeric; ok is false if it takes anything.
func (t typeName) numeric() (precision, scale int, ok bool) {
	switch len(t.mods) {
	case 1:
		return t.mods[0], 0, true
	case 2:
		return t.mods[0], t.mods[1], true
	}
	return 0, 0, false
}

// castFails says which values of the one type the other refuses, by PostgreSQL's
// own casts: "is out of the range of integer"; empty if none is known.
func castFails(c *schema.Catalog, before, after *schema.Column) string {
	b, a := parseType(before.Type), parseType(after.Type)
	if b.array != a.array {
		return ""
	}
	be, ae := enum(c, before.TypeOID), enum(c, after.TypeOID)
	switch {
	case be != nil && ae != nil:
		return missingLabels(be, ae)
	case be != nil:
		return ""
	case ae != nil && (b.isText() || b.base == "integer"):
		return "is no value of " + short(after.Type)
	case domain(c, after.TypeOID) && before.TypeOID != after.TypeOID:
		return "breaks a constraint of " + short(after.Type)
	case b.isText() && a.isText():
		if n := a.limit(); n > 0 && (b.limit() == 0 || b.limit() > n) {
			return "is longer than " + strconv.Itoa(n) + " characters"
		}
		return ""
	case b.isText() && knownType(a.base):
		return "is no " + after.Type
	}
	return numberFails(b, a, after.Type)
}

func numberFails(b, a typeName, name string) string {
	have := intDigits[b.base]
	switch want := intDigits[a.base]; {
	case have > 0 && want > 0:
		if want < have {
			return "is out of the range of " + name
		}
		return ""
	case want > 0 && (b.base == "numeric" || b.isFloat()):
		return "is out of the range of " + name
	}
	p, s, ok := a.numeric()
	if a.base != "numeric" || !ok {
		return ""
	}
	bp, bs, limited := b.numeric()
	switch {
	case have > 0:
		limited, bp, bs = true, have, 0
	case b.base != "numeric" && !b.isFloat():
		return ""
	}
	if !limited || bp-bs > p-s {
		return "has more than " + plural(p-s, "digit") + " before the point"
	}
	return ""
}

// castLoses says what a change of type takes from values without an error:
// "fractions are rounded"; empty if nothing is known to be lost. using is the
// expression of USING, empty if there is none.
func castLoses(before, after *schema.Column, using string) string {
	b, a := parseType(before.Type), parseType(after.Type)
	if b.array != a.array {
		return ""
	}
	switch {
	case b.isText() && a.isText():
		if n := a.limit(); using != "" && n > 0 && (b.limit() == 0 || b.limit() > n) {
			return "values longer than " + strconv.Itoa(n) + " characters are cut off"
		}
	case (b.base == "numeric" && fraction(b) || b.isFloat()) && intDigits[a.base] > 0:
		return "fractions are rounded"
	case b.base == "numeric" && a.base == "numeric", b.isFloat() && a.base == "numeric":
		_, s, ok := a.numeric()
		_, bs, limited := b.numeric()
		if ok && (!limited || bs > s) {
			return "values are rounded to " + plural(max(s, 0), "digit") + " after the point"
		}
	case a.isFloat() && (b.base == "numeric" || b.base == "bigint" || b.base == "integer" && a.base == "real" || b.base == "double precision" && a.base == "real"):
		return "digits beyond the precision of " + after.Type + " are lost"
	case b.isStamp() && a.base == "date":
		return "the time of day is lost"
	case b.isStamp() && strings.HasPrefix(a.base, "time ") || b.isStamp() && a.base == "time":
		return "the date is lost"
	case b.isStamp() && a.isStamp():
		if len(a.mods) > 0 && (len(b.mods) == 0 || b.mods[0] > a.mods[0]) {
			return "fractions of seconds are rounded to " + plural(a.mods[0], "digit")
		}
	case b.base == "inet" && a.base == "cidr":
		return "bits to the right of the netmask are lost"
	}
	return ""
}

// fraction reports whether a numeric type holds digits after the point.
func fraction(t typeName) bool {
	_, s, ok := t.numeric()
	return !ok || s > 0
}

func enum(c *schema.Catalog, oid schema.OID) *schema.Type {
	if t := c.Types[oid]; t != nil && t.Kind == schema.Enum {
		return t
	}
	return nil
}

// domain reports whether the type is a domain that refuses some values.
func domain(c *schema.Catalog, oid schema.OID) bool {
	t := c.Types[oid]
	if t == nil || t.Kind != schema.Domain {
		return false
	}
	for _, k := range c.Constraints {
		if k.Domain == oid {
			return true
		}
	}
	return t.NotNull
}

func missingLabels(before, after *schema.Type) string {
	var gone []string
	for _, l := range before.Labels {
		if !slices.Contains(after.Labels, l) {
			gone = append(gone, "'"+l+"'")
		}
	}
	if len(gone) == 0 {
		return ""
	}
	return "is " + strings.Join(gone, " or ")
}

func knownType(base string) bool {
	switch base {
	case "smallint", "integer", "bigint", "numeric", "real", "double precision", "boolean", "uuid", "date", "json", "jsonb", "inet", "cidr",
		"macaddr", "interval", "xml", "oid":
		return true
	}
	return strings.HasPrefix(base, "timestamp") || strings.HasPrefix(base, "time")
}

var usingForm = regexp.MustCompile(`(?is)\busing\b(.*)$`)

// usingOf is the expression of USING for a column of the step's ALTER TABLE,
// empty if there is none.
func usingOf(at At, col string) string {
	src := at.Migration.Source
	for _, a := range at.Step.Stmt.Syntax.Actions {
		if a.Kind != "ALTER COLUMN TYPE" || !a.Using || strings.Trim(a.Name, `"`) != col {
			continue
		}
		text := at.Step.Stmt.Text
		if from, to := a.Pos.Offset, a.End.Offset; a.Pos.Path == at.Migration.Path && from < to && to <= len(src) {
			text = src[from:to]
		}
		if m := usingForm.FindStringSubmatch(text); m != nil {
			return strings.TrimSpace(m[1])
		}
		return "…"
	}
	return ""
}

var thoughtful = regexp.MustCompile(`(?i)\b(case|left|right|substr|substring|round|trunc|floor|ceil|coalesce|nullif|least|greatest|regexp_\w+|replace|date_trunc|to_\w+|\w+\.\w+\s*\()`)

// mends reports whether a USING expression does more than cast: then only a
// trial can tell whether a value fails.
func mends(using string) bool { return thoughtful.MatchString(using) }
