# METADATA
# title: trigger names follow the team's pattern
# description: |
#   Triggers of one table fire in order of name, so that names are part of what they do.
# custom:
#   id: NM110
#   params:
#     pattern:
#       default: "[a-z][a-z0-9_]*"
#       description: Regular expression for the whole trigger name.
package library.naming.trigger_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in input.after.triggers
	not x.inherited
	not assay.name_matches(input.params.NM110.pattern, x.name)
	message := sprintf("trigger name %q does not match %s", [x.name, input.params.NM110.pattern])
}
