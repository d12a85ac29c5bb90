# METADATA
# title: the columns of a new table waste no bytes
# custom:
#   id: REQ21
#   params: {bytes: 7}
package requests.column_order

import data.assay

deny contains {"message": message, "object": table.object} if {
	some table in assay.tables
	assay.is_new(table.object)
	every column in table.columns {
		column.alignment > 0
	}
	wasted := padding(table.columns) - padding(best(table.columns))
	wasted > input.params.REQ21.bytes
	message := sprintf("%q wastes %d bytes a row: put columns of 8 bytes first, then of 4, 2, 1, then texts", [table.object, wasted])
}

padding(columns) := sum([gap(columns, i) | some i, _ in columns])

# What is missing between a column and the end of the one before it, where both have a fixed length.
gap(columns, i) := (columns[i].alignment - (columns[i - 1].length % columns[i].alignment)) % columns[i].alignment if {
	i > 0
	columns[i - 1].length > 0
	columns[i].length > 0
} else := 0

best(columns) := [c | some size in [8, 4, 2, 1]; some c in columns; c.length > 0; c.alignment == size]
