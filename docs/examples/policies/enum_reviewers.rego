# METADATA
# title: two people approve a new value of an enum
# custom:
#   id: REQ11
package requests.enum_reviewers

import data.assay

deny contains {"message": message, "object": change.object, "location": change.location} if {
	some change in input.changes
	change.type == "add_enum_value"
	reviewers := {a.user | some a in assay.approvals}
	count(reviewers) < 2
	message := sprintf("a value of an enum cannot be removed again: %d of 2 people have approved", [count(reviewers)])
}
