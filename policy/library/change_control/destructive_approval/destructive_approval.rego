# METADATA
# title: what destroys data is approved by its owner
# description: |
#   Dropping or emptying what holds data (a table, a column, a materialized view, also by way of a schema or a CASCADE,
#   TRUNCATE, DELETE) needs the label, or the approval of who owns the table by the owners file. Renaming it first changes
#   nothing.
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

require_approval contains object.union(_approvers(d.object), {"message": message, "object": d.object, "location": d.location, "evidence": [d]}) if {
	not _allowed
	some d in input.evidence.dropped
	d.kind in {"table", "table column", "materialized view"}
	not d.object in _parts
	_old(d.object)
	message := sprintf("drops %s %q", [d.kind, d.object])
}

require_approval contains object.union(_approvers(r.object), {"message": message, "object": r.object, "location": r.location, "evidence": [r]}) if {
	not _allowed
	some r in input.evidence.rows
	r.deleted > 0
	_old(r.object)
	message := sprintf("deletes rows of %q", [r.object])
}

require_approval contains object.union(_approvers(d.table), {"message": message, "object": d.table, "location": d.location}) if {
	not _allowed
	some d in input.writes
	d.kind in {"delete", "truncate", "unknown"}
	not d.table in _parts
	not d.table in {r.object | some r in input.evidence.rows; r.deleted > 0; r.location == d.location}
	_old(d.table)
	message := sprintf("%s %q", [_words[d.kind], d.table])
}

_words := {"delete": "deletes rows of", "truncate": "empties", "unknown": "may delete rows of"}

_allowed if input.params.CC104.label in input.context.labels

_before := {o.object | some list in [input.before.tables, input.before.columns, input.before.views]; some o in list}

# It was there before the change, under this name or another.
_old(name) if assay.origin(name) in _before

# A partition goes with its parent, which is named.
_parts contains t.object if {
	some t in input.before.tables
	t.partition_of != ""
	some d in input.evidence.dropped
	d.object == t.partition_of
}

_approvers(name) := assay.approvers(name) if count(_people(name)) > 0

_approvers(name) := {"team": input.params.CC104.team} if count(_people(name)) == 0

_people(name) := array.concat(assay.approvers(name).teams, assay.approvers(name).users)
