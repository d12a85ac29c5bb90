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
#       default: "(?i)\\bpii\\b"
#       description: Regular expression for the tag in the comment.
package library.sensitive.not_granted

import data.assay

deny contains {"message": message, "object": g.object} if {
	some g in input.after.grants
	g.privilege in {"SELECT", "UPDATE"}
	g.grantee in input.params.PI103.roles
	some c in _personal
	g.object in {c.object, c.table}
	message := sprintf("%s may %s %q, which holds personal data", [g.grantee, g.privilege, c.object])
}

# A view that shows a column of that name of a table that it reads.
deny contains {"message": message, "object": g.object} if {
	some g in input.after.grants
	g.privilege == "SELECT"
	g.grantee in input.params.PI103.roles
	some v in input.after.views
	v.object == g.object
	some c in _personal
	c.name in {x.name | some x in v.columns}
	assay.depends_on(v.object, c.table)
	message := sprintf("%s may SELECT %q, which shows %q", [g.grantee, g.object, c.object])
}

_personal := [c |
	some c in input.after.columns
	regex.match(input.params.PI103.tag, c.comment)
	not regex.match(`(?i)\bno pii\b`, c.comment)
]
