# METADATA
# title: the tenant is part of every key
# description: |
#   In a database that many tenants share, a key without the tenant lets a row of one refer to a
#   row of another, and cannot be spread over several servers. The rule is silent until its
#   parameter names the column.
# custom:
#   id: CL103
#   params:
#     column:
#       default: ""
#       description: Name of the tenant's column, such as tenant_id.
package library.columns.tenant_in_keys

import data.assay

deny contains {"message": message, "object": k.object} if {
	column := input.params.CL103.column
	column != ""
	some t in assay.tables
	column in {c.name | some c in t.columns}
	some k in t.constraints
	k.kind in {"primary key", "unique", "foreign key"}
	not k.inherited
	not column in k.columns
	message := sprintf("%s %q does not hold the tenant's column %s", [k.kind, k.name, column])
}
