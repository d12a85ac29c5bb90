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
	serialColumn = columnTypes("CV102", "serial-column", "serial in the place of an identity column", []string{"S02"}, []string{"squawk:prefer-identity"},
		func(c columnOf) (string, string) {
			if c.column.Identity == "" && strings.HasPrefix(c.column.Default, "nextval(") && typeIs(c, "integer", "bigint", "smallint") {
				return "is a serial: its sequence has an owner and privileges of its own, and anybody may write over the default", "Write: " + sqlIdent(c.column.Name) + " bigint GENERATED ALWAYS AS IDENTITY"
			}
			return "", ""
		})
	varcharLimit = columnTypes("CV103", "varchar-limit", "varchar(n), whose limit needs a lock to change", []string{"S03"}, []string{"squawk:prefer-text-field"},
		func(c columnOf) (string, string) {
			if typeIs(c, "character varying") && strings.Contains(c.column.Type, "(") {
				return "has its limit in the type: to lower it later rewrites the table", "Write text, with a CHECK on length() if there must be a limit."
			}
			return "", ""
		})
	charColumn = columnTypes("CV104", "char-column", "char(n), which pads with blanks", []string{"S04"}, []string{"squawk:ban-char-field"},
		func(c columnOf) (string, string) {
			if typeIs(c, "character") {
				return "is padded with blanks that come and go in comparisons and casts", "Write text."
			}
			return "", ""
		})
	timestampColumn = columnTypes("CV105", "timestamp-without-zone", "a time without its zone", []string{"S05"}, []string{"squawk:prefer-timestamptz"},
		func(c columnOf) (string, string) {
			switch {
			case strings.HasPrefix(c.column.Type, "timestamp") && strings.Contains(c.column.Type, "without time zone"):
				return "keeps a time without its zone: what it means depends on who reads it", "Write timestamptz."
			case strings.HasPrefix(c.column.Type, "time") && strings.Contains(c.column.Type, "with time zone") && !strings.HasPrefix(c.column.Type, "timestamp"):
				return "keeps a zone without a date, so that summer time cannot be told", "Write timestamptz, or time and the name of the zone."
			case strings.HasPrefix(c.column.Type, "timestamp(0)"):
				return "rounds to the second, up as well as down", "Write timestamptz, and cut with date_trunc where it is shown."
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
	moneyColumn = columnTypes("CV107", "inexact-amount", "money, or a binary fraction for an amount", []string{"S07"}, nil,
		func(c columnOf) (string, string) {
			switch {
			case typeIs(c, "money"):
				return "is read and written by the locale of the session", "Write numeric, and the currency in a column of its own."
			case typeIs(c, "real", "double precision") && amount.MatchString(c.column.Name):
				return "keeps an amount as a binary fraction: 0.10 is not 0.10", "Write numeric, or bigint in the smallest unit."
			}
			return "", ""
		})
	regColumn = columnTypes("CV112", "reg-type-column", "a type that pg_upgrade refuses", []string{"S15"}, nil,
		func(c columnOf) (string, string) {
			if typeIs(c, "regproc", "regprocedure", "regoper", "regoperator", "regconfig", "regdictionary", "regnamespace", "regcollation") {
				return "holds object ids, which differ after pg_upgrade: the upgrade refuses to begin", "Keep the name as text."
			}
			return "", ""
		})
	flagColumn = columnTypes("CV123", "orm-trap", "a column that ORMs read otherwise than meant", []string{"C26"}, nil,
		func(c columnOf) (string, string) {
			switch {
			case typeIs(c, "boolean") && !c.column.NotNull:
				return "has three values: yes, no and NULL, and most code knows two", "Write NOT NULL DEFAULT false."
			case c.column.Name == "type" && typeIs(c, "text", "character varying"):
				return "is called type, which single-table inheritance of ORMs takes for the class of the row", "Say what kind of type it is."
			}
			return "", ""
		})
)

var amount = regexp.MustCompile(`(?i)(^|_)(amount|price|cost|total|subtotal|balance|fee|tax|salary|payment|discount)(_|$)`)
