# METADATA
# title: nobody waits longer than two seconds
# custom:
#   id: REQ26
package requests.short_locks

import data.assay

deny contains {"message": message, "location": statement.location} if {
	some statement in input.statements
	statement.measured.high_ms > 2000
	some lock in statement.locks
	assay.blocks(lock.mode, "writes")
	not lock.new
	message := sprintf("writes to %s wait for up to %d s", [lock.table, round(statement.measured.high_ms / 1000)])
}
