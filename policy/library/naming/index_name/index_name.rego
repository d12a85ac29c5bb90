# METADATA
# title: index names follow the team's pattern
# description: |
#   An index is named in plans and in errors. A name that says table and columns, as PostgreSQL
#   makes them, tells what it is for.
# custom:
#   id: NM103
#   aliases: [bytebase:naming.index.idx]
#   params:
#     pattern:
#       default: "(idx_[a-z0-9_]+|[a-z0-9_]+_idx)"
#       description: Regular expression for the whole index name.
package library.naming.index_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in input.after.indexes
	not x.constraint
	not x.inherited
	not assay.name_matches(input.params.NM103.pattern, x.name)
	message := sprintf("index name %q does not match %s", [x.name, input.params.NM103.pattern])
}
