# METADATA
# title: personal data is not granted to everybody
# description: |
#   A grant on a whole table gives its tagged columns too.
# custom:
#   id: PI103
#   params:
#     roles:
#       default: ["public"]
#       description: Roles that may not see personal data.
#     tag:
#       default: "\\bpii\\b"
#       description: Regular expression for the tag in the comment.
package library.sensitive.not_granted

deny contains {"message": message, "object": change.object, "location": change.location} if {
	some change in input.changes
	change.type == "add_grant"
	change.is in {"SELECT", "UPDATE"}
	change.grantee in input.params.PI103.roles
	some c in input.after.columns
	regex.match(input.params.PI103.tag, c.comment)
	_covers(change, c)
	message := sprintf("%s may %s %q, which holds personal data", [change.grantee, change.is, c.object])
}

_covers(change, c) if change.object == c.object

_covers(change, c) if change.object == c.table
