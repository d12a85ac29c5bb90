# METADATA
# title: policies ask for the user once
# description: |
#   A function such as auth.uid() or current_setting() in a policy is called for each row.
#   Inside a subselect it is called once for the statement.
# custom:
#   id: RL107
#   aliases: [splinter:auth_rls_initplan]
#   params:
#     calls:
#       default: "\\b(auth\\.[a-z_]+|current_setting)\\("
#       description: Regular expression for calls that are the same for all rows.
package library.rls.per_row_call

warn contains {"message": message, "object": p.object} if {
	some p in input.after.policies
	some condition in {p.using, p.with_check}
	bare := regex.replace(condition, `(?i)\(\s*select\s+[^()]*(\([^()]*(\([^()]*\))?[^()]*\))?[^()]*\)`, "")
	regex.match(input.params.RL107.calls, lower(bare))
	message := sprintf("policy %q of %q calls a function for each row: wrap it as (SELECT …)", [p.name, p.table])
}
