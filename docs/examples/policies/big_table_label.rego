# METADATA
# title: a change of a big table has a label
# custom:
#   id: REQ09
package requests.big_table_label

import data.assay

deny contains {"message": message, "location": change.location} if {
	some change in input.changes
	table := assay.table_by_name[change.table]
	table.bytes > 100 * 1000 * 1000 * 1000
	not "big-table" in input.context.labels
	message := sprintf("%s has %d GB in production: set the label big-table", [table.object, round(table.bytes / 1000000000)])
}
