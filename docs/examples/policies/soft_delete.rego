# METADATA
# title: rows with deleted_at are not deleted
# custom:
#   id: REQ12
package requests.soft_delete

deny contains {"message": sprintf("deletes rows of %s, which has deleted_at", [write.table]), "location": write.location} if {
	some write in input.writes
	write.kind in {"delete", "truncate"}
	sprintf("%s.deleted_at", [write.table]) in {c.object | some c in input.before.columns}
}

deny contains {"message": sprintf("%q also counts deleted rows", [index.object]), "object": index.object} if {
	some table in input.after.tables
	"deleted_at" in {c.name | some c in table.columns}
	some index in table.indexes
	index.unique
	not index.primary
	not contains(index.predicate, "deleted_at IS NULL")
}
