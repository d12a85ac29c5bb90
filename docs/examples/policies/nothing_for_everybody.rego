# METADATA
# title: nothing is granted to everybody, now or later
# custom:
#   id: REQ18
package requests.nothing_for_everybody

deny contains {"message": sprintf("everybody may %s %s", [grant.privilege, grant.object]), "object": grant.object} if {
	some grant in input.after.grants
	grant.grantee == "public"
	not grant.kind in {"function", "procedure", "type", "schema"}
}

deny contains {"message": message, "location": change.location} if {
	some grant in input.after.default_privileges
	grant.grantee == "public"
	some change in input.changes
	change.object == grant.object
	message := sprintf("everybody will %s every new %s", [grant.privilege, grant.kind])
}
