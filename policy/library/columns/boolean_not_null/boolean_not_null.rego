# METADATA
# title: a boolean has two values
# description: |
#   A boolean that may be NULL has three values, and NOT of the third is the third again.
# custom:
#   id: CL102
#   aliases: [bytebase:column.no-null]
package library.columns.boolean_not_null

import data.assay

deny contains {"message": message, "object": c.object} if {
	some c in assay.columns
	c.underlying_type == "boolean"
	not c.array
	not c.not_null
	not c.domain_not_null
	message := sprintf("boolean %q can be NULL", [c.object])
}
