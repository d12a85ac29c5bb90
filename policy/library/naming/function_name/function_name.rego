# METADATA
# title: function names follow the team's pattern
# description: |
#   A function is called by name from other people's SQL.
# custom:
#   id: NM109
#   params:
#     pattern:
#       default: "[a-z][a-z0-9_]*"
#       description: Regular expression for the whole function name.
package library.naming.function_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in input.after.functions
	not assay.name_matches(input.params.NM109.pattern, x.name)
	message := sprintf("function name %q does not match %s", [x.name, input.params.NM109.pattern])
}
