# METADATA
# title: foreign key names follow the team's pattern
# description: |
#   The name of a foreign key is what a person sees when a row is refused.
# custom:
#   id: NM104
#   aliases: [bytebase:naming.index.fk]
#   params:
#     pattern:
#       default: "(fk_[a-z0-9_]+|[a-z0-9_]+_(fkey|fk))"
#       description: Regular expression for the whole foreign key name.
package library.naming.foreign_key_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in input.after.constraints
	x.kind == "foreign key"
	not x.inherited
	not assay.name_matches(input.params.NM104.pattern, x.name)
	message := sprintf("foreign key name %q does not match %s", [x.name, input.params.NM104.pattern])
}
