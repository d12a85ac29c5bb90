# METADATA
# title: a pull request changes few objects
# custom:
#   id: REQ23
#   params: {max: 2}
package requests.change_budget

import data.assay

deny contains {"message": message, "location": input.migrations[0].location} if {
	objects := {change.object | some change in input.changes; not assay.is_new(change.table)}
	count(objects) > input.params.REQ23.max
	message := sprintf("changes %d objects, more than %d: make several pull requests", [count(objects), input.params.REQ23.max])
}
