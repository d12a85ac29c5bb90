# METADATA
# title: sequence names follow the team's pattern
# description: |
#   Sequences share a name space with tables; a suffix keeps them apart.
# custom:
#   id: NM107
#   params:
#     pattern:
#       default: "[a-z0-9_]+_seq"
#       description: Regular expression for the whole sequence name.
package library.naming.sequence_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in input.after.sequences
	not assay.name_matches(input.params.NM107.pattern, x.name)
	message := sprintf("sequence name %q does not match %s", [x.name, input.params.NM107.pattern])
}
