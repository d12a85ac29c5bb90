# METADATA
# title: foreign keys have an index
# custom:
#   id: REQ01
package requests.foreign_key_index

import data.assay

deny contains {"message": message, "object": key.object} if {
	some table in input.after.tables
	some key in table.foreign_keys
	not key.inherited
	not assay.indexed(table, key.columns)
	message := sprintf("no index finds the rows of %q by %s", [table.object, concat(", ", key.columns)])
}
