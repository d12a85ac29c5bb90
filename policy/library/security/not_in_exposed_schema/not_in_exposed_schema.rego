# METADATA
# title: materialized views and foreign tables are not exposed
# description: |
#   Neither knows row-level security: who may read one scans all of it.
# custom:
#   id: SP107
#   aliases: [splinter:materialized_view_in_api, splinter:foreign_table_in_api]
#   params:
#     schemas:
#       default: []
#       description: Schemas that clients reach directly. Without any, what somebody else than its owner has a privilege on.
package library.security.not_in_exposed_schema

import data.assay

deny contains {"message": message, "object": x.object} if {
	some list in [input.after.tables, input.after.views]
	some x in list
	x.kind in {"materialized view", "foreign table"}
	assay.exposed(x, input.params.SP107.schemas)
	message := sprintf("%s %q is in an exposed schema and knows no row-level security", [x.kind, x.object])
}
