# METADATA
# title: names leave room
# description: |
#   PostgreSQL cuts names at 63 bytes, silently: a long table name leaves no room for the names
#   of its indexes and constraints.
# custom:
#   id: LM104
#   params:
#     max:
#       default: 40
#       description: Most characters of a name.
package library.limits.identifier_length

deny contains {"message": message, "object": x.object} if {
	some list in [input.after.tables, input.after.columns, input.after.views]
	some x in list
	count(x.name) > input.params.LM104.max
	message := sprintf("name %q has %d characters, more than %d", [x.name, count(x.name), input.params.LM104.max])
}
