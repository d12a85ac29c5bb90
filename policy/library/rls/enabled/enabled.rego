# METADATA
# title: tables of exposed schemas have row-level security
# description: |
#   A client that reaches a schema directly reads every row of a table there unless row-level
#   security says which.
# custom:
#   id: RL101
#   aliases: [splinter:rls_disabled_in_public]
#   params:
#     schemas:
#       default: ["api"]
#       description: Schemas that clients reach directly.
package library.rls.enabled

import data.assay

deny contains {"message": message, "object": t.object} if {
	some t in assay.tables
	t.schema in input.params.RL101.schemas
	not t.row_security
	message := sprintf("table %q is exposed and has no row-level security", [t.object])
}
