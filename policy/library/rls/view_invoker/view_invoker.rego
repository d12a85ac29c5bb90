# METADATA
# title: exposed views read with the rights of their reader
# description: |
#   A view reads with the rights of its owner, past the row-level security of the tables under
#   it, unless security_invoker is on.
# custom:
#   id: RL106
#   aliases: [splinter:security_definer_view]
#   params:
#     schemas:
#       default: []
#       description: Schemas that clients reach directly. Without any, what somebody else than its owner has a privilege on.
package library.rls.view_invoker

import data.assay

deny contains {"message": message, "object": v.object, "fix": fix} if {
	some v in input.after.views
	v.kind == "view"
	assay.exposed(v, input.params.RL106.schemas)
	not v.security_invoker
	message := sprintf("view %q reads with its owner's rights, past row-level security", [v.object])
	fix := sprintf("ALTER VIEW %s SET (security_invoker = on);", [assay.sql_name(v)])
}
