# METADATA
# title: no casts and operators of our own
# custom:
#   id: REQ29
package requests.no_casts

deny contains {"message": sprintf("%s %s changes what other queries mean", [object.kind, object.name]), "object": object.object} if {
	some object in input.after.objects
	object.kind in {"cast", "operator"}
}
