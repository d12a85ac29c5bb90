# METADATA
# title: a transaction does not lock many tables
# custom:
#   id: REQ07
#   params: {max: 2}
package requests.few_locked_tables

import data.assay

deny contains {"message": message, "location": statement.location} if {
	some statement in input.statements
	tables := {lock.table | some lock in assay.locks_in_force(statement); assay.blocks(lock.mode, "writes"); not lock.new}
	taken := {lock.table | some lock in statement.locks; assay.blocks(lock.mode, "writes"); not lock.new}
	count(taken) > 0
	count(tables) > input.params.REQ07.max
	message := sprintf("%d tables wait at once: %s", [count(tables), concat(", ", sort(tables))])
}
