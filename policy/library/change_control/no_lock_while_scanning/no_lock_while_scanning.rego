# METADATA
# title: no team waits for the scan of another table
# description: |
#   No statement may hold ACCESS EXCLUSIVE on a table of the team while it scans another:
#   everybody who reads the first waits for as long as the second is long.
# custom:
#   id: CC105
#   params:
#     teams:
#       default: ["payments"]
#       description: Teams whose tables nobody may hold up.
package library.change_control.no_lock_while_scanning

import data.assay

deny contains {"message": message, "object": lock.table, "location": s.location, "evidence": [lock, scan]} if {
	some s in input.statements
	some lock in assay.locks_in_force(s)
	lock.mode == "ACCESS EXCLUSIVE"
	not lock.new
	assay.owner(lock.table) in input.params.CC105.teams
	some scan in s.scans
	not scan.new
	scan.object != lock.table
	message := sprintf("holds ACCESS EXCLUSIVE on %q while it scans %q", [lock.table, scan.object])
}
