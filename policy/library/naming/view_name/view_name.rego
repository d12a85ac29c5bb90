# METADATA
# title: view names follow the team's pattern
# description: |
#   A view is queried like a table and named like one.
# custom:
#   id: NM108
#   params:
#     pattern:
#       default: "[a-z][a-z0-9_]*"
#       description: Regular expression for the whole view name.
package library.naming.view_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in input.after.views
	not assay.name_matches(input.params.NM108.pattern, x.name)
	message := sprintf("view name %q does not match %s", [x.name, input.params.NM108.pattern])
}
