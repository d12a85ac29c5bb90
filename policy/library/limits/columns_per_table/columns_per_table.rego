# METADATA
# title: tables do not grow too wide
# description: |
#   A row must fit a page of 8 kB, and PostgreSQL ends at 1,600 columns, dropped ones counted.
# custom:
#   id: LM101
#   aliases: [liquibase:TableColumnLimit]
#   params:
#     max:
#       default: 60
#       description: Most columns of a table.
package library.limits.columns_per_table

import data.assay

deny contains {"message": message, "object": t.object} if {
	some t in assay.tables
	n := count(t.columns)
	n > input.params.LM101.max
	message := sprintf("table %q has %d columns, more than %d", [t.object, n, input.params.LM101.max])
}
