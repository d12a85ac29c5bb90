# METADATA
# title: every column says what it holds
# description: |
#   A unit, a time zone, what NULL means: a comment on the column tells it to whoever queries
#   it.
# custom:
#   id: CM102
#   aliases: [bytebase:column.comment]
#   params:
#     obvious:
#       default: ["id"]
#       description: Names of columns that need no comment.
package library.comments.column_comment

import data.assay

deny contains {"message": message, "object": c.object} if {
	some c in assay.columns
	trim_space(c.comment) == ""
	not c.name in input.params.CM102.obvious
	message := sprintf("column %q has no comment", [c.object])
}
