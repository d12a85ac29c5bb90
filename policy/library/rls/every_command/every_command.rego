# METADATA
# title: each command has a policy
# description: |
#   With row-level security on, a command without a policy touches no row, silently.
# custom:
#   id: RL102
#   params:
#     schemas:
#       default: []
#       description: Schemas that clients reach directly. Without any, what somebody else than its owner has a privilege on.
#     commands:
#       default: ["select", "insert", "update", "delete"]
#       description: Commands that need a policy.
package library.rls.every_command

import data.assay

deny contains {"message": message, "object": t.object} if {
	some t in assay.tables
	assay.exposed(t, input.params.RL102.schemas)
	t.row_security
	count(t.policies) > 0
	some command in input.params.RL102.commands
	not command in _covered(t)
	message := sprintf("no policy of %q lets anybody %s", [t.object, upper(command)])
}

_covered(t) := {command |
	some p in t.policies
	p.permissive
	some command in _commands(p)
}

_commands(p) := {"select", "insert", "update", "delete"} if p.command == "all"

_commands(p) := {p.command} if p.command != "all"
