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
	_protected(change.table)
	message := sprintf("%q is protected: agree on it and label the pull request %q", [change.table, input.params.CC101.label])
}

deny contains {"message": message, "object": w.table, "location": w.location} if {
	not input.params.CC101.label in input.context.labels
	some w in input.writes
	_protected(w.table)
	message := sprintf("%q is protected, and its rows are changed: agree on it and label the pull request %q", [w.table, input.params.CC101.label])
}

deny contains {"message": message, "object": k.object} if {
	not input.params.CC101.label in input.context.labels
	some k in input.after.constraints
	k.kind == "foreign key"
	k.object in input.added
	_protected(k.references.table)
	not _protected(k.table)
	message := sprintf("%q is protected, and %q refers to it: agree on it and label the pull request %q", [k.references.table, k.object, input.params.CC101.label])
}

_protected(name) if assay.matches_any(input.params.CC101.tables, name)

_protected(name) if assay.matches_any(input.params.CC101.tables, assay.origin(name))
