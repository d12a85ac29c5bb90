# METADATA
# title: no name is a word of SQL
# description: |
#   A table called user or a column called order must be quoted in every query, and a query that
#   forgets it may mean something else: SELECT user gives the role.
# custom:
#   id: NM112
#   aliases: [bytebase:naming.identifier.no-keyword, liquibase:OracleReservedKeywords, skeema:reserved-word]
package library.naming.reserved_word

import data.assay

deny contains {"message": message, "object": x.object} if {
	some list in [input.after.tables, input.after.columns, input.after.views]
	some x in list
	lower(x.name) in assay.reserved_words
	message := sprintf("%q is a reserved word of SQL and needs quotes wherever it is used", [x.name])
}
