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

# A partition is risked with its parent, and a table of the change itself risks nothing.
_risky contains _parent(table) if some table in _touched

_parent(name) := _parents[name]

_parent(name) := name if not _parents[name]

_parents[t.object] := t.partition_of if {
	some t in input.before.tables
	t.partition_of != ""
}

_old contains t.object if some t in input.before.tables

_touched contains table if {
	some s in input.statements
	some fact in array.concat(s.rewrites, s.scans)
	not fact.new
	table := fact.object
	some lock in assay.locks_in_force(s)
	lock.table == table
	assay.blocks(lock.mode, "reads")
}

_touched contains change.table if {
	some change in input.changes
	change.type in {"drop_table", "drop_column"}
	assay.origin(change.table) in _old
}

deny contains {"message": message} if {
	count(_risky) > input.params.CC103.max
	message := sprintf("this change is risky for %d tables (%s): make one pull request of each", [count(_risky), concat(", ", sort(_risky))])
}
