# METADATA
# title: tables do not carry too many indexes
# description: |
#   Each index is written with each row and keeps updates from staying on their page.
# custom:
#   id: LM102
#   aliases: [bytebase:index.total-number-limit]
#   params:
#     max:
#       default: 12
#       description: Most indexes of a table, those of constraints counted.
package library.limits.indexes_per_table

import data.assay

deny contains {"message": message, "object": t.object} if {
	some t in assay.tables
	n := count(t.indexes)
	n > input.params.LM102.max
	message := sprintf("table %q has %d indexes, more than %d", [t.object, n, input.params.LM102.max])
}
