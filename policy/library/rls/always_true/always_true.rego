# METADATA
# title: no policy lets every row through
# description: |
#   A policy whose condition is true for every row protects nothing. For reading that may be
#   meant; for writing it is not.
# custom:
#   id: RL103
#   aliases: [splinter:rls_policy_always_true]
#   params:
#     commands:
#       default: ["all", "insert", "update", "delete"]
#       description: Commands for which such a policy is refused.
package library.rls.always_true

deny contains {"message": message, "object": p.object} if {
	some p in input.after.policies
	p.permissive
	p.command in input.params.RL103.commands
	some condition in _conditions(p)
	_always(lower(condition))
	message := sprintf("policy %q of %q lets every row through", [p.name, p.table])
}

# INSERT has no USING; the others need both where both are given.
_conditions(p) := {p.with_check} if p.command == "insert"

_conditions(p) := {c | some c in {p.using, p.with_check}; c != ""} if p.command != "insert"

_always(condition) if regex.match(`^\(*\s*(true|1 = 1)\s*\)*$`, condition)

# One side of an OR at the top is enough.
_always(condition) if regex.match(`^\(*\s*(true|\(?1 = 1\)?)\s+or\s`, condition)

_always(condition) if regex.match(`\sor\s+(true|\(1 = 1\))\s*\)*$`, condition)
