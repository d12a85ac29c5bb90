# METADATA
# title: column names follow the team's pattern
# description: |
#   Column names reach code, reports and exports. One style for all of them spares every reader
#   a look at the table.
# custom:
#   id: NM102
#   aliases: [bytebase:naming.column]
#   params:
#     pattern:
#       default: "[a-z][a-z0-9_]*"
#       description: Regular expression for the whole column name.
package library.naming.column_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in assay.columns
	not assay.name_matches(input.params.NM102.pattern, x.name)
	message := sprintf("column name %q does not match %s", [x.name, input.params.NM102.pattern])
}
