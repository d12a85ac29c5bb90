# METADATA
# title: what destroys data is approved by its owner
# description: |
#   Dropping a table or a column that holds data needs the label, or the approval of the team
#   that owns the table by the owners file.
# custom:
#   id: CC104
#   params:
#     label:
#       default: "destructive-ok"
#       description: Label that lets the change through.
#     team:
#       default: "dba"
#       description: Team that approves what nobody owns.
package library.change_control.destructive_approval

import data.assay

require_approval contains {"team": team, "message": message, "object": d.object, "location": d.location, "evidence": [d]} if {
	not input.params.CC104.label in input.context.labels
	some s in input.statements
	some d in s.dropped
	d.named
	d.kind in {"table", "table column", "materialized view"}
	some lock in s.locks
	not lock.new
	team := _team(d.object)
	message := sprintf("drops %s %q", [d.kind, d.object])
}

_team(name) := assay.owner(name)

_team(name) := input.params.CC104.team if not assay.owner(name)
