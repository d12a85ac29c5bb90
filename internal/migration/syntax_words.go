package migration

import "strings"

// modifiers are the words between CREATE and the kind of object.
var modifiers = map[string]bool{
	"OR": true, "REPLACE": true, "TEMP": true, "TEMPORARY": true, "UNLOGGED": true, "GLOBAL": true, "LOCAL": true,
	"UNIQUE": true, "RECURSIVE": true, "CONSTRAINT": true, "TRUSTED": true, "PROCEDURAL": true,
}

// kinds are the object kinds of more than one word, by their first.
var kinds = map[string][]string{
	"MATERIALIZED": {"MATERIALIZED VIEW"}, "EVENT": {"EVENT TRIGGER"}, "USER": {"USER MAPPING"},
	"FOREIGN": {"FOREIGN TABLE", "FOREIGN DATA WRAPPER"}, "ACCESS": {"ACCESS METHOD"},
	"OPERATOR": {"OPERATOR CLASS", "OPERATOR FAMILY"}, "DEFAULT": {"DEFAULT PRIVILEGES"}, "LARGE": {"LARGE OBJECT"},
	"TEXT":  {"TEXT SEARCH CONFIGURATION", "TEXT SEARCH DICTIONARY", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE"},
	"OWNED": {"OWNED"}, "SYSTEM": {"SYSTEM"},
}

// tagOf names the command that begins with the words, which are in upper case.
func tagOf(words []string) string {
	if len(words) == 0 {
		return ""
	}
	rest := words[1:]
	switch words[0] {
	case "CREATE":
		for len(rest) > 0 && modifiers[rest[0]] {
			rest = rest[1:]
		}
		return "CREATE " + kindOf(rest)
	case "ALTER", "DROP":
		return words[0] + " " + kindOf(rest)
	case "BEGIN", "START":
		return "BEGIN"
	case "COMMIT", "END":
		return "COMMIT"
	case "ROLLBACK", "ABORT":
		return "ROLLBACK"
	case "REFRESH":
		return "REFRESH MATERIALIZED VIEW"
	case "TRUNCATE", "LOCK":
		return words[0] + " TABLE"
	case "SET":
		if len(rest) > 0 && rest[0] == "CONSTRAINTS" {
			return "SET CONSTRAINTS"
		}
	case "SECURITY", "IMPORT", "REASSIGN", "DECLARE":
		two := map[string]string{
			"SECURITY": "SECURITY LABEL", "IMPORT": "IMPORT FOREIGN SCHEMA",
			"REASSIGN": "REASSIGN OWNED", "DECLARE": "DECLARE CURSOR",
		}
		return two[words[0]]
	case "WITH":
		for _, w := range rest {
			if w == "INSERT" || w == "UPDATE" || w == "DELETE" || w == "MERGE" || w == "SELECT" {
				return w
			}
		}
	case "VALUES", "TABLE":
		return "SELECT"
	}
	return words[0]
}

func kindOf(words []string) string {
	if len(words) == 0 {
		return ""
	}
	all := strings.Join(words[:min(len(words), 3)], " ") + " "
	for _, k := range kinds[words[0]] {
		if strings.HasPrefix(all, k+" ") {
			return k
		}
	}
	if words[0] == "USER" || words[0] == "GROUP" {
		return "ROLE"
	}
	return words[0]
}
