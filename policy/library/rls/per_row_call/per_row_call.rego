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
	bare := _outside(condition)
	regex.match(input.params.RL107.calls, lower(bare))
	message := sprintf("policy %q of %q calls a function for each row: wrap it as (SELECT …)", [p.name, p.table])
}

# The condition without its subselects: up to five pairs of parentheses inside of one another.
_outside(condition) := regex.replace(condition, sprintf(`(?i)\(\s*select\s+%s\)`, [_nested]), "")

_level := `[^()]*`

_nested := [x |
	one := sprintf(`(?:%s|\(%s\))*`, [`[^()]`, _level])
	two := sprintf(`(?:%s|\(%s\))*`, [`[^()]`, one])
	three := sprintf(`(?:%s|\(%s\))*`, [`[^()]`, two])
	four := sprintf(`(?:%s|\(%s\))*`, [`[^()]`, three])
	x := sprintf(`(?:%s|\(%s\))*`, [`[^()]`, four])
][0]
