# METADATA
# title: one risky table at a time
# description: |
#   A change that rewrites, scans under a lock or drops on two tables holds both up, and when it
#   is stopped half-way two teams are affected.
# custom:
#   id: CC103
#   params:
#     max:
#       default: 1
#       description: Most tables that one change may be risky for.
package library.change_control.one_risky_table

import data.assay

_risky contains table if {
	some s in input.statements
	some fact in array.concat(s.rewrites, s.scans)
	not fact.new
	table := fact.object
	some lock in assay.locks_in_force(s)
	lock.table == table
	assay.blocks(lock.mode, "reads")
}

_risky contains change.table if {
	some change in input.changes
	change.type in {"drop_table", "drop_column"}
}

deny contains {"message": message} if {
	count(_risky) > input.params.CC103.max
	message := sprintf("this change is risky for %d tables (%s): make one pull request of each", [count(_risky), concat(", ", sort(_risky))])
}
