package analyzers

import "strings"

// peerRules are the rules of other tools, by tool, that teams come with. Each
// is an alias of a check, or in notTaken with the reason.
var peerRules = map[string]string{
	"squawk": `adding-field-with-default adding-foreign-key-constraint adding-not-nullable-field adding-required-field adding-serial-primary-key-field
		ban-add-composite-attribute ban-add-enum-value ban-alter-database-options ban-alter-domain-with-add-constraint ban-alter-extension
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
	"eugene": `E1 E2 E3 E4 E5 E6 E7 E8 E9 E10 E11 E15 W12 W13 W14`,
	"atlas": `BC101 BC102 CD101 CD102 CD103 DS101 DS102 DS103 MF101 MF102 MF103 MF104 NM101 NM102 NM103 NM104 NM105 NM106 PG101 PG102 PG103 PG104 PG105
		PG108 PG109 PG110 PG301 PG302 PG303 PG304 PG305 PG306 PG307 PG308 PG309 PG310 PG311 PG312 PG314 PG320 SA101 TX101 TX201 checksum non-linear`,
}

// notTaken are the rules of other tools that are no alias of a check: where
// what they tell is told here, or why it is not.
var notTaken = map[string]string{
	"squawk:ban-add-composite-attribute":         "OB and LK checks tell what the change does to tables that use the type",
	"squawk:ban-add-enum-value":                  "adding a value breaks nothing by itself; CV124 asks for its place",
	"squawk:ban-alter-database-options":          "SQ101 tells where the role may not; what the option means is not judged",
	"squawk:ban-alter-extension":                 "OB checks tell the versions",
	"squawk:ban-alter-function-options":          "SE and OB checks tell those that matter: SECURITY DEFINER, search_path, volatility",
	"squawk:ban-alter-generated-expression":      "LK201 tells that the table is written anew",
	"squawk:ban-alter-identity":                  "BC and DD checks tell which INSERT fails",
	"squawk:ban-alter-policy-condition":          "SE checks tell who sees more or less",
	"squawk:ban-alter-policy-roles":              "SE checks tell who sees more or less",
	"squawk:ban-alter-role-options":              "SE checks tell which powers are given",
	"squawk:ban-alter-row-level-security":        "SE checks tell what is then seen by whom",
	"squawk:ban-alter-sequence-values":           "DD checks tell which values come twice",
	"squawk:ban-alter-system-options":            "TX101 or SQ101: it is refused in a transaction, and without the right",
	"squawk:ban-alter-view-options":              "SE checks tell with whose rights the view then reads",
	"squawk:ban-create-domain-with-constraint":   "the hazard is a constraint added later, to a domain in use",
	"squawk:ban-create-policy":                   "SE checks tell who sees more or less",
	"squawk:ban-detach-inheritance":              "LK and BC checks tell locks and readers",
	"squawk:ban-disable-trigger":                 "LK110 tells it where somebody can write meanwhile",
	"squawk:ban-drop-constraint":                 "DS checks tell constraints that guard data",
	"squawk:ban-drop-default":                    "BC checks tell which INSERT fails",
	"squawk:ban-drop-domain":                     "DS105 tells which columns go with it",
	"squawk:ban-drop-extension":                  "DS105 tells what goes with it",
	"squawk:ban-drop-function":                   "BC checks tell it",
	"squawk:ban-drop-generated-expression":       "BC checks tell it",
	"squawk:ban-drop-index":                      "LK102 tells the lock, OB107 the foreign key left without an index",
	"squawk:ban-drop-not-null":                   "it loses nothing; readers that cannot take NULL are not known",
	"squawk:ban-drop-policy":                     "SE checks tell who sees more or less",
	"squawk:ban-drop-schema":                     "DS104 tells what is in it",
	"squawk:ban-drop-sequence":                   "DS112 tells it",
	"squawk:ban-drop-trigger":                    "BC checks tell it",
	"squawk:ban-drop-type":                       "DS105 tells which columns go with it",
	"squawk:ban-drop-view":                       "BC checks tell it",
	"squawk:ban-duplicate-column-assignments":    "SQ101: the server refuses it",
	"squawk:ban-new-write-restriction":           "BC checks tell which writes fail",
	"squawk:ban-replace-view-function":           "OB101 and OB103 tell it where something depends on it",
	"squawk:ban-replica-identity":                "OB109 tells it where the table is published",
	"squawk:ban-revoke":                          "SE checks tell which privilege is lost",
	"squawk:ban-set-default":                     "a new default breaks nothing by itself",
	"squawk:ban-set-schema":                      "BC checks tell it",
	"squawk:renaming-object":                     "BC checks tell it, by what is renamed",
	"squawk:require-concurrent-partition-detach": "LK checks tell the lock; the advice is silent where a DEFAULT partition makes CONCURRENTLY fail",
	"squawk:require-statement-timeout":           "off by intention: a timeout that ends a concurrent build leaves an invalid index",
	"squawk:syntax-error":                        "SQ101: the server's own parser says so, with its own version's syntax",
	"atlas:NM101":                                "policy library, naming: each team has its own pattern",
	"atlas:NM102":                                "NM101 of the policy library",
	"atlas:NM103":                                "NM102 of the policy library",
	"atlas:NM104":                                "NM103 of the policy library",
	"atlas:NM105":                                "NM104 of the policy library",
	"atlas:NM106":                                "NM105 of the policy library",
}

// differs says of some rules where our verdict is another one, and why.
var differs = map[string]string{
	"squawk:adding-field-with-default":     "a function is judged by whether the server writes the table, not by its name",
	"squawk:adding-foreign-key-constraint": "a column added with REFERENCES and no DEFAULT is not scanned: only the lock is told",
	"squawk:adding-not-nullable-field":     "silent only where a valid CHECK really implies NOT NULL",
	"squawk:changing-column-type":          "silent where the server keeps the file",
	"squawk:constraint-missing-not-valid":  "also told when VALIDATE follows in the same transaction",
	"squawk:require-lock-timeout":          "lock_timeout = 0 counts as none; what the tool sets counts",
	"squawk:require-timeout-settings":      "statement_timeout is not asked for: it breaks concurrent builds",
	"squawk:prefer-robust-stmts":           "only where a second run would really stop: outside a transaction, with more statements to come",
	"squawk:ban-drop-table":                "silent for a table made by the same change",
	"eugene:E2":                            "silent where the server needs no scan",
	"eugene:E3":                            "off by default",
	"eugene:E4":                            "told where the statement after takes time, not for every statement",
	"eugene:E9":                            "silent for locks that stop nobody",
	"eugene:W12":                           "told where locks or rewrites are repeated",
	"eugene:W13":                           "off by default",
	"eugene:W14":                           "silent where the columns are NOT NULL already",
	"atlas:PG110":                          "off by default",
	"atlas:PG103":                          "decided by running it, in the transaction of the team's own tool",
	"atlas:MF101":                          "with rows that fail, or the proof that there can be none",
	"atlas:DS103":                          "with what else goes with the column",
}

// Elsewhere are the names of another tool's rules, in its order.
func Elsewhere(tool string) []string { return strings.Fields(peerRules[tool]) }
