# METADATA
# title: indexes do not have too many columns
# description: |
#   The later columns of an index seldom narrow a search, and each makes the index larger.
# custom:
#   id: LM103
#   aliases: [bytebase:index.key-number-limit]
#   params:
#     max:
#       default: 5
#       description: Most columns of an index.
package library.limits.columns_per_index

deny contains {"message": message, "object": i.object} if {
	some i in input.after.indexes
	n := count(i.keys)
	n > input.params.LM103.max
	message := sprintf("index %q has %d columns, more than %d", [i.name, n, input.params.LM103.max])
}
