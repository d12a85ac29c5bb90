package analyzers

import (
	"regexp"
	"strings"
)

func typeIs(c columnOf, names ...string) bool {
	for _, n := range names {
		t := strings.TrimSuffix(c.column.Type, "[]")
		if t == n || strings.HasPrefix(t, n+"(") {
			return true
		}
	}
	return false
}

var (
	serialColumn = columnTypes("CV102", "serial-column", "serial instead of an identity column", []string{"S02"}, []string{"squawk:prefer-identity"},
		func(c columnOf) (string, string) {
			if c.column.Identity == "" && strings.HasPrefix(c.column.Default, "nextval(") && typeIs(c, "integer", "bigint", "smallint") {
				return "is a serial: its sequence has separate ownership and privileges, and inserts can override the default", "Write: " + sqlIdent(c.column.Name) + " bigint GENERATED ALWAYS AS IDENTITY"
			}
			return "", ""
		})
	varcharLimit = columnTypes("CV103", "varchar-limit", "varchar(n), whose limit needs a strong lock to change", []string{"S03"}, []string{"squawk:prefer-text-field"},
		func(c columnOf) (string, string) {
			if typeIs(c, "character varying") && strings.Contains(c.column.Type, "(") {
				return "has its limit in the type: lowering it later rewrites the table", "Use text, with a CHECK on length() if a limit is needed."
			}
			return "", ""
		})
	charColumn = columnTypes("CV104", "char-column", "char(n), which pads with blanks", []string{"S04"}, []string{"squawk:ban-char-field"},
		func(c columnOf) (string, string) {
			if typeIs(c, "character") {
				return "is padded with blanks, which comparisons and casts ignore", "Write text."
			}
			return "", ""
		})
	timestampColumn = columnTypes("CV105", "timestamp-without-zone", "a timestamp or time without time zone", []string{"S05"}, []string{"squawk:prefer-timestamptz"},
		func(c columnOf) (string, string) {
			switch {
			case strings.HasPrefix(c.column.Type, "timestamp") && strings.Contains(c.column.Type, "without time zone"):
				return "stores no time zone: its meaning depends on the reader", "Write timestamptz."
			case strings.HasPrefix(c.column.Type, "time") && strings.Contains(c.column.Type, "with time zone") && !strings.HasPrefix(c.column.Type, "timestamp"):
				return "stores a time zone without a date, so daylight saving time is unknown", "Use timestamptz, or time and the name of the time zone."
			case strings.HasPrefix(c.column.Type, "timestamp(0)"):
				return "rounds to the second, up as well as down", "Use timestamptz, and truncate with date_trunc for display."
			}
			return "", ""
		})
	jsonColumn = columnTypes("CV106", "json-column", "json, which cannot be compared", []string{"S06"}, []string{"eugene:E3", "strong_migrations:add_column_json"},
		func(c columnOf) (string, string) {
			if typeIs(c, "json") {
				return "has no equality: SELECT DISTINCT, GROUP BY and UNION over the table's rows fail", "Write jsonb."
			}
			return "", ""
		})
	moneyColumn = columnTypes("CV107", "inexact-amount", "money, or floating point for an amount", []string{"S07"}, nil,
		func(c columnOf) (string, string) {
			switch {
			case typeIs(c, "money"):
				return "is parsed and formatted with the locale of the session", "Use numeric, and store the currency in a separate column."
			case typeIs(c, "real", "double precision") && amount.MatchString(c.column.Name):
				return "stores an amount as a binary floating-point number: 0.10 is not exact", "Use numeric, or bigint in the smallest unit."
			}
			return "", ""
		})
	regColumn = columnTypes("CV112", "reg-type-column", "a type that pg_upgrade does not support", []string{"S15"}, nil,
		func(c columnOf) (string, string) {
			if typeIs(c, "regproc", "regprocedure", "regoper", "regoperator", "regconfig", "regdictionary", "regnamespace", "regcollation") {
				return "holds object ids, which change with pg_upgrade: the upgrade fails its check", "Store the name as text."
			}
			return "", ""
		})
	flagColumn = columnTypes("CV123", "orm-trap", "a column that ORMs misinterpret", []string{"C26"}, nil,
		func(c columnOf) (string, string) {
			switch {
			case typeIs(c, "boolean") && !c.column.NotNull:
				return "has three values: yes, no and NULL, and most code knows two", "Write NOT NULL DEFAULT false."
			case c.column.Name == "type" && typeIs(c, "text", "character varying"):
				return "is called type, which single-table inheritance in ORMs uses for the class of the row", "Use a more specific name."
			}
			return "", ""
		})
)

var amount = regexp.MustCompile(`(?i)(^|_)(amount|price|cost|total|subtotal|balance|fee|tax|salary|payment|discount)(_|$)`)
