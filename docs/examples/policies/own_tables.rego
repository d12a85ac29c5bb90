# METADATA
# title: only the team that owns a table changes it
# custom:
#   id: REQ25
package requests.own_tables

import data.assay

deny contains {"message": message, "location": change.location} if {
	some change in input.changes
	change.table != ""
	not assay.is_new(change.table)
	team := assay.owner(change.table)
	not assay.author_in(team)
	message := sprintf("%s belongs to %s, and %s does not", [assay.origin(change.table), team, input.context.author])
}
