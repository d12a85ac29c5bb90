# METADATA
# title: a column or table is deprecated before it is dropped
# description: |
#   A column or table is first marked as deprecated in its comment, in a release of its own, so that
#   everybody who reads it can stop.
# custom:
#   id: EC102
#   params:
#     mark:
#       default: "^deprecated"
#       description: Regular expression for the mark in the column's comment.
package library.expand_contract.deprecate_first

import data.assay

deny contains {"message": message, "object": change.object, "location": change.location} if {
	some change in input.changes
	change.type == "drop_column"
	some c in input.before.columns
	c.object == assay.origin(change.object)
	not change.table in _partitions
	not regex.match(input.params.EC102.mark, lower(c.comment))
	message := sprintf("column %q is dropped and was not marked as deprecated before", [change.object])
}

deny contains {"message": message, "object": change.object, "location": change.location} if {
	some change in input.changes
	change.type == "drop_table"
	some t in input.before.tables
	t.object == assay.origin(change.object)
	t.partition_of == ""
	not regex.match(input.params.EC102.mark, lower(t.comment))
	message := sprintf("table %q is dropped and was not marked as deprecated before", [change.object])
}

_partitions contains t.object if {
	some t in input.before.tables
	t.partition_of != ""
}
