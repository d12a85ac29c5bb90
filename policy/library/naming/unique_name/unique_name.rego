# METADATA
# title: unique names follow the team's pattern
# description: |
#   The name of a unique constraint is what applications look for to tell which value is taken.
# custom:
#   id: NM106
#   aliases: [bytebase:naming.index.uk]
#   params:
#     pattern:
#       default: "((uq|uk|uniq)_[a-z0-9_]+|[a-z0-9_]+_(key|uniq|unique))"
#       description: Regular expression for the whole unique name.
package library.naming.unique_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in input.after.constraints
	x.kind == "unique"
	not x.inherited
	not assay.name_matches(input.params.NM106.pattern, x.name)
	message := sprintf("unique name %q does not match %s", [x.name, input.params.NM106.pattern])
}
