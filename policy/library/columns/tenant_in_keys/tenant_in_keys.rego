# METADATA
# title: the tenant is part of every key
# description: |
#   In a database that many tenants share, a key without the tenant lets a row of one refer to a
#   row of another, and cannot be spread over several servers. The rule is silent until its
#   parameter names the column. A foreign key to a table that all tenants share need not hold it.
# custom:
#   id: CL103
#   params:
#     column:
#       default: ""
#       description: Name of the tenant's column, such as tenant_id.
package library.columns.tenant_in_keys

import data.assay

deny contains {"message": message, "object": k.object} if {
	some t in _shared
	some k in t.constraints
	k.kind in {"primary key", "unique", "foreign key"}
	not k.inherited
	not _lookup(k)
	not _column in k.columns
	message := sprintf("%s %q does not hold the tenant's column %s", [k.kind, k.name, _column])
}

deny contains {"message": message, "object": i.object} if {
	some t in _shared
	some i in t.indexes
	i.unique
	not i.constraint
	not i.inherited
	not _column in i.columns
	message := sprintf("unique index %q does not hold the tenant's column %s", [i.name, _column])
}

_column := input.params.CL103.column if input.params.CL103.column != ""

# Tables that hold rows of several tenants.
_shared := [t |
	some t in assay.tables
	_column in {c.name | some c in t.columns}
]

_lookup(k) if {
	k.kind == "foreign key"
	not k.references.table in {t.object | some t in _shared}
}
