# METADATA
# title: expand and contract are two changes
# description: |
#   Adding a column and dropping the one it replaces in one change leaves no time in which both
#   versions of the application can run.
# custom:
#   id: EC103
package library.expand_contract.one_phase

import data.assay

deny contains {"message": message, "object": gone.object, "location": gone.location} if {
	some gone in input.changes
	gone.type == "drop_column"
	assay.origin(gone.object) in {c.object | some c in input.before.columns}
	not gone.table in _partitions
	some made in input.changes
	made.type == "add_column"
	made.table == gone.table
	message := sprintf("%q loses %q in the change that adds %q: drop it in a later release", [gone.table, gone.name, made.name])
}

_partitions contains t.object if {
	some t in input.before.tables
	t.partition_of != ""
}
