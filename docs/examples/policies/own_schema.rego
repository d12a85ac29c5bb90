# METADATA
# title: foreign keys stay in their schema
# custom:
#   id: REQ19
package requests.own_schema

deny contains {"message": sprintf("%q points to schema %s", [key.object, key.references.schema]), "object": key.object} if {
	some key in input.after.constraints
	key.kind == "foreign key"
	key.schema != key.references.schema
}
