# METADATA
# title: protected tables are not changed in passing
# description: |
#   Some tables are everybody's: a change of one is agreed on first. The label says that it was.
# custom:
#   id: CC101
#   params:
#     tables:
#       default: []
#       description: Globs of protected tables, such as public.users.
#     label:
#       default: "protected-ok"
#       description: Label that lets the change through.
package library.change_control.protected_tables

import data.assay

deny contains {"message": message, "object": change.object, "location": change.location} if {
	not input.params.CC101.label in input.context.labels
	some change in input.changes
	assay.matches_any(input.params.CC101.tables, change.table)
	message := sprintf("%q is protected: agree on it and label the pull request %q", [change.table, input.params.CC101.label])
}
