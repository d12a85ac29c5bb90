# METADATA
# title: type names follow the team's pattern
# description: |
#   Enums and domains are written in every cast.
# custom:
#   id: NM111
#   params:
#     pattern:
#       default: "[a-z][a-z0-9_]*"
#       description: Regular expression for the whole type name.
package library.naming.user_type_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in input.after.types
	not assay.name_matches(input.params.NM111.pattern, x.name)
	message := sprintf("type name %q does not match %s", [x.name, input.params.NM111.pattern])
}
