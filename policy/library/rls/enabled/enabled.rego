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
#       default: []
#       description: Schemas that clients reach directly. Without any, what somebody else than its owner has a privilege on.
package library.rls.enabled

import data.assay

deny contains {"message": message, "object": t.object} if {
	some t in assay.tables
	assay.exposed(t, input.params.RL101.schemas)
	not t.row_security
	message := sprintf("table %q is exposed and has no row-level security", [t.object])
}
