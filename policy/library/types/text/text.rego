# METADATA
# title: text instead of varchar(n)
# description: |
#   Text and varchar are stored alike. A limit in the type is hard to change: shortening it
#   scans the table under the strongest lock. A check constraint can be added and dropped.
# custom:
#   id: TY102
#   aliases: [squawk:prefer-text-field, bytebase:column.maximum-varchar-length]
package library.types.text

import data.assay

deny contains {"message": message, "object": c.object} if {
	some c in assay.columns
	c.base_type == "character varying"
	c.type != "character varying"
	message := sprintf("column %q is %s: use text, with a check if the length matters", [c.object, c.type])
}
