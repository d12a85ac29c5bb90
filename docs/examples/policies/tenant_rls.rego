# METADATA
# title: row security keeps tenants apart, for the owner too
# custom:
#   id: REQ17
package requests.tenant_rls

import data.assay

deny contains {"message": sprintf("%q: %s", [table.object, what]), "object": table.object} if {
	some table in assay.tables
	"tenant_id" in {c.name | some c in table.columns}
	some what in missing(table)
}

missing(table) := array.concat(off, open) if {
	off := [text | some text, on in {"row security is off": table.row_security, "the owner sees all rows": table.force_row_security}; not on]
	open := [sprintf("policy %s does not compare tenant_id", [p.name]) | some p in table.policies; p.permissive; not contains(p.using, "tenant_id")]
}
