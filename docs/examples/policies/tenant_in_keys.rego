# METADATA
# title: the tenant is part of every key
# custom:
#   id: REQ05
package requests.tenant_in_keys

deny contains {"message": sprintf("%q is unique over all tenants", [index.object]), "object": index.object} if {
	some table in input.after.tables
	"tenant_id" in {c.name | some c in table.columns}
	some index in table.indexes
	index.unique
	not "tenant_id" in index.columns
}
