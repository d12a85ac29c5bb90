# METADATA
# title: check names follow the team's pattern
# description: |
#   The name of a check constraint is what a person sees when a row is refused.
# custom:
#   id: NM105
#   params:
#     pattern:
#       default: "((ck|chk)_[a-z0-9_]+|[a-z0-9_]+_(check|chk))"
#       description: Regular expression for the whole check name.
package library.naming.check_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in input.after.constraints
	x.kind == "check"
	not x.inherited
	not assay.name_matches(input.params.NM105.pattern, x.name)
	message := sprintf("check name %q does not match %s", [x.name, input.params.NM105.pattern])
}
