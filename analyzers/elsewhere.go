package analyzers

import (
	"slices"
	"strings"
)

// peerRules are the rules of other tools, by tool, that teams come with. Each
// is an alias of a check, or in notTaken with the reason.
var peerRules = map[string]string{
	"squawk": `adding-field-with-default adding-foreign-key-constraint adding-not-nullable-field adding-required-field adding-serial-primary-key-field
		ban-add-column ban-add-composite-attribute ban-add-enum-value ban-alter-database-options ban-alter-domain-with-add-constraint ban-alter-extension
		ban-alter-function-options ban-alter-generated-expression ban-alter-identity ban-alter-policy-condition ban-alter-policy-roles
		ban-alter-role-options ban-alter-row-level-security ban-alter-sequence-values ban-alter-system-options ban-alter-view-options ban-char-field
		ban-concurrent-index-creation-in-transaction ban-create-domain-with-constraint ban-create-policy ban-detach-inheritance ban-disable-trigger
		ban-drop-column ban-drop-constraint ban-drop-database ban-drop-default ban-drop-domain ban-drop-extension ban-drop-function
		ban-drop-generated-expression ban-drop-index ban-drop-not-null ban-drop-policy ban-drop-schema ban-drop-sequence ban-drop-table ban-drop-trigger
		ban-drop-type ban-drop-view ban-duplicate-column-assignments ban-new-write-restriction ban-replace-view-function ban-replica-identity ban-revoke
		ban-set-default ban-set-schema ban-truncate-cascade ban-uncommitted-transaction changing-column-type constraint-missing-not-valid
		disallowed-unique-constraint identifier-too-long prefer-big-int prefer-bigint-over-int prefer-bigint-over-smallint prefer-identity prefer-repack
		prefer-robust-stmts prefer-text-field prefer-timestamptz renaming-column renaming-object renaming-table require-concurrent-index-creation
		require-concurrent-index-deletion require-concurrent-partition-detach require-concurrent-reindex require-enum-value-ordering require-lock-timeout
		require-statement-timeout require-table-schema require-timeout-settings syntax-error transaction-nesting`,
	"strong_migrations": `add_check_constraint add_column_auto_incrementing add_column_default add_column_default_callable add_column_default_null
		add_column_generated_stored add_column_json add_exclusion_constraint add_foreign_key add_index add_index_columns add_index_corruption add_reference
		add_unique_constraint change_column change_column_constraint change_column_default change_column_null change_column_null_postgresql
		change_column_with_not_null change_table create_table execute remove_column remove_index rename_column rename_schema rename_table
		validate_check_constraint validate_foreign_key`,
	"eugene": `E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 E15 W12 W13 W14`,
	"atlas": `BC101 BC102 CD101 CD102 CD103 DS101 DS102 DS103 MF101 MF102 MF103 MF104 NM101 NM102 NM103 NM104 NM105 NM106 PG101 PG102 PG103 PG104 PG105
		PG108 PG109 PG110 PG301 PG302 PG303 PG304 PG305 PG306 PG307 PG308 PG309 PG310 PG311 PG312 PG314 PG320 SA101 TX101 TX201 checksum non-linear`,
}

// notTaken are the rules of other tools that are no alias of a check: where
// what they report is reported here, or why it is not.
var notTaken = map[string]string{
	"strong_migrations:add_index_corruption":    "a bug of the servers 14.0 to 14.3, and the dev server says nothing of production: see A18 in hazards.md",
	"strong_migrations:add_column_default_null": "no server that is supported rewrites the table for it",
	"strong_migrations:change_column_default":   "about Active Record's partial writes, which no database sees; BC104 reports a default that is lost",
	"strong_migrations:change_table":            "SQL is what is run and judged here, Rails' own calls among it",
	"strong_migrations:execute":                 "SQL is what is run and judged here, Rails' own calls among it",
	"squawk:ban-add-column":                     "a new column breaks code that inserts or reads * by position, which no schema says: BC120 runs the queries that assay is given",
	"squawk:ban-add-composite-attribute":        "LK201 and the OB checks report what it does to tables that use the type; no schema knows the code that reads the type by position",
	"squawk:ban-add-enum-value":                 "adding a value breaks nothing by itself; CV124 asks for its place",
	"squawk:ban-alter-database-options":         "SQ101 reports it: the role that migrates one database may not; no schema says what the option means to clients",
	"squawk:ban-alter-extension":                "OB118 reports what is built on the extension, SQ101 where the update is refused",
	"squawk:ban-alter-generated-expression":     "LK201 reports that the table is rewritten",
	"squawk:ban-alter-identity":                 "DD110 reports a sequence that generates existing values, BC110 values that INSERT may no longer give, BC104 values it must now give",
	"squawk:ban-alter-role-options":             "SE106 reports which attributes are granted; a setting of a role breaks nothing by itself",
	"squawk:ban-alter-system-options":           "SQ101 and TX101 report it: refused in a transaction, and without the right",
	"squawk:ban-alter-view-options":             "SE107 reports that a view bypasses row-level security, SE105 roles that a view with security_invoker no longer serves",
	"squawk:ban-create-domain-with-constraint":  "the hazard is a constraint added later, to a domain in use",
	"squawk:ban-create-policy":                  "more rows may be seen, which is what it is for; SE102 reports a policy that is always true, SE101 one that is not in force",
	"squawk:ban-detach-inheritance":             "LK111 reports the lock; that the rows are no longer in the parent is what DETACH is for",
	"squawk:ban-drop-domain":                    "DS105 reports the columns that are dropped with it, BC103 a type that nothing needs",
	"squawk:ban-drop-extension":                 "DS105 reports what is dropped with it, SQ101 where it is refused",
	"squawk:ban-drop-generated-expression":      "BC104 reports it: inserts of running code then leave the column empty",
	"squawk:ban-drop-not-null":                  "it loses nothing; readers that cannot take NULL are not known",
	"squawk:ban-new-write-restriction":          "DD101, DD102, DD104 and DD105 report rows that break it, DD104 also those that a NOT VALID CHECK keeps from being updated; no schema says which writes the running code makes",
	"squawk:ban-set-default":                    "a new default breaks nothing by itself",
	"squawk:require-statement-timeout":          "off by intention: a timeout that ends a concurrent build leaves an invalid index",
	"atlas:NM101":                               "policy library, naming: each team has its own pattern",
	"atlas:NM102":                               "NM101 of the policy library",
	"atlas:NM103":                               "NM102 of the policy library",
	"atlas:NM104":                               "NM103 of the policy library",
	"atlas:NM105":                               "NM104 of the policy library",
	"atlas:NM106":                               "NM105 of the policy library",
}

// differs says of some rules where our verdict is another one, and why.
var differs = map[string]string{
	"strong_migrations:change_column_null":       "reported for a column that the same change adds: how many old rows are NULL only production knows",
	"strong_migrations:create_table":             "any DROP and CREATE of one table in a change",
	"strong_migrations:remove_index":             "on by default",
	"strong_migrations:add_index_columns":        "off by default",
	"strong_migrations:add_column_json":          "off by default",
	"strong_migrations:add_column_default":       "a constant default is free since PostgreSQL 11; TX107 and LK203 report a backfill",
	"squawk:prefer-bigint-over-smallint":         "keys alone: a plain column may well be a smallint",
	"squawk:prefer-bigint-over-int":              "keys alone: a plain column may well be an int",
	"squawk:require-concurrent-partition-detach": "silent where a DEFAULT partition makes CONCURRENTLY fail",
	"squawk:ban-replace-view-function":           "reported where views, indexes or constraints are built on it",
	"squawk:ban-drop-policy":                     "reported where row-level security is on and nothing else lets the rows through, and as SE103",
	"squawk:ban-drop-trigger":                    "its lock is reported; that the trigger no longer fires is the purpose of DROP",
	"squawk:ban-revoke":                          "not for PUBLIC: to take from everybody what was given by default is good practice",
	"squawk:ban-replica-identity":                "only where the table is published",
	"squawk:ban-alter-function-options":          "SECURITY DEFINER without a search_path is reported; other options break nothing by themselves",
	"squawk:ban-alter-sequence-values":           "only of a sequence that fills a column",
	"squawk:adding-field-with-default":           "a function is judged by whether the server writes the table, not by its name",
	"squawk:adding-foreign-key-constraint":       "a column added with REFERENCES and no DEFAULT is not scanned: only the lock is reported",
	"squawk:adding-not-nullable-field":           "silent only where a valid CHECK really implies NOT NULL",
	"squawk:changing-column-type":                "silent where the server keeps the file",
	"squawk:constraint-missing-not-valid":        "also reported when VALIDATE follows in the same transaction",
	"squawk:require-lock-timeout":                "lock_timeout = 0 counts as none; what the tool sets counts",
	"squawk:require-timeout-settings":            "statement_timeout is not asked for: it breaks concurrent builds",
	"squawk:prefer-robust-stmts":                 "only where a second run would really stop: outside a transaction, with more statements to come",
	"squawk:ban-drop-table":                      "silent for a table made by the same change",
	"eugene:E2":                                  "silent where the server needs no scan",
	"eugene:E3":                                  "off by default",
	"eugene:E4":                                  "reported where the statement after takes time, not for every statement",
	"eugene:E9":                                  "silent for locks that stop nobody",
	"eugene:W12":                                 "reported where locks or rewrites are repeated",
	"eugene:W13":                                 "off by default",
	"eugene:W14":                                 "silent where the columns are NOT NULL already",
	"atlas:PG311":                                "silent where the table is there already",
	"atlas:PG110":                                "off by default",
	"atlas:PG103":                                "decided by running it, in the transaction of the team's own tool",
	"atlas:MF101":                                "with rows that fail, or the proof that there can be none",
	"atlas:DS103":                                "with what else goes with the column",
}

// Elsewhere are the names of another tool's rules, in its order.
func Elsewhere(tool string) []string { return strings.Fields(peerRules[tool]) }

// Tools are the tools whose rules are mapped to ours, in the order of docs/coming-from.md.
var Tools = []string{"squawk", "eugene", "strong_migrations", "atlas"}

// Instead says where what another tool's rule reports is reported here, or why it is
// not, for a rule that is no alias of a check; empty for other names. The tool
// may stand before the name: "squawk:ban-create-policy".
func Instead(name string) (tool, text string) {
	for _, tool := range Tools {
		for _, rule := range Elsewhere(tool) {
			if strings.EqualFold(name, rule) || strings.EqualFold(name, tool+":"+rule) {
				if text := notTaken[tool+":"+rule]; text != "" {
					return tool, text
				}
			}
		}
	}
	return "", ""
}

// Differs reports whether a rule's verdict differs from ours with a reason.
func Differs(tool, rule string) bool {
	return notTaken[tool+":"+rule] != "" || differs[tool+":"+rule] != ""
}

// NoExample reports whether a rule is about the files, not about SQL that an
// example could show.
func NoExample(tool, rule string) bool {
	return slices.Contains(aboutFiles, tool+":"+rule)
}

var aboutFiles = []string{"atlas:checksum", "atlas:non-linear", "strong_migrations:add_index_corruption"}
