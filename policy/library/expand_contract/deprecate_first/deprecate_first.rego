# METADATA
# title: a column is deprecated before it is dropped
# description: |
#   A column is first marked as deprecated in its comment, in a release of its own, so that
#   everybody who reads it can stop.
# custom:
#   id: EC102
#   params:
#     mark:
#       default: "^deprecated"
#       description: Regular expression for the mark in the column's comment.
package library.expand_contract.deprecate_first

deny contains {"message": message, "object": change.object, "location": change.location} if {
	some change in input.changes
	change.type == "drop_column"
	some c in input.before.columns
	c.object == change.object
	not regex.match(input.params.EC102.mark, lower(c.comment))
	message := sprintf("column %q is dropped and was not marked as deprecated before", [change.object])
}
