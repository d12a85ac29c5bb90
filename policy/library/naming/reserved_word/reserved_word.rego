# METADATA
# title: no name is a word of SQL
# description: |
#   A table called user or a column called order must be quoted in every query, and a query that
#   forgets it may mean something else: SELECT user gives the role.
# custom:
#   id: NM112
#   aliases: [bytebase:naming.identifier.no-keyword, liquibase:OracleReservedKeywords, skeema:reserved-word]
package library.naming.reserved_word

# The words that PostgreSQL reserves.
_words := {
	"all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "both", "case", "cast", "check", "collate", "column",
	"constraint", "create", "current_catalog", "current_date", "current_role", "current_time", "current_timestamp", "current_user",
	"default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "false", "fetch", "for", "foreign", "from", "grant",
	"group", "having", "in", "initially", "intersect", "into", "lateral", "leading", "limit", "localtime", "localtimestamp", "not",
	"null", "offset", "on", "only", "or", "order", "placing", "primary", "references", "returning", "select", "session_user", "some",
	"symmetric", "system_user", "table", "then", "to", "trailing", "true", "union", "unique", "user", "using", "variadic", "when",
	"where", "window", "with",
}

deny contains {"message": message, "object": x.object} if {
	some list in [input.after.tables, input.after.columns, input.after.views]
	some x in list
	lower(x.name) in _words
	message := sprintf("%q is a reserved word of SQL and needs quotes wherever it is used", [x.name])
}
