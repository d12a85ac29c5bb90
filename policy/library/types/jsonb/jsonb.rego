# METADATA
# title: jsonb instead of json
# description: |
#   json has no equality: SELECT DISTINCT, GROUP BY and UNION over such a table fail, and it
#   cannot be indexed.
# custom:
#   id: TY104
#   aliases: [eugene:E3]
package library.types.jsonb

import data.assay

deny contains {"message": message, "object": c.object} if {
	some c in assay.columns
	c.underlying_type == "json"
	message := sprintf("column %q is %s: it cannot be compared or indexed", [c.object, c.type])
}
