# METADATA
# title: one permissive policy for each role and command
# description: |
#   Permissive policies for one role and command are joined by OR: all of them are evaluated for
#   each row, and each widens what the others allow.
# custom:
#   id: RL108
#   aliases: [splinter:multiple_permissive_policies]
package library.rls.many_permissive

import data.assay

warn contains {"message": message, "object": b.object} if {
	some t in assay.tables
	some a in t.policies
	some b in t.policies
	a.name < b.name
	a.permissive
	b.permissive
	_together(a.roles, b.roles)
	_overlap(a.command, b.command)
	message := sprintf("policies %q and %q of %q are for the same role and command", [a.name, b.name, t.object])
}

_together(a, b) if count({r | some r in a} & {r | some r in b}) > 0

_together(a, _) if "public" in a

_together(_, b) if "public" in b

_overlap(a, b) if a == b

_overlap("all", b) if b != "all"

_overlap(a, "all") if a != "all"
