# METADATA
# title: only extensions that our hoster has
# custom:
#   id: REQ14
#   params: {allowed: [plpgsql, pgcrypto]}
package requests.extensions

deny contains {"message": sprintf("extension %s is not one of ours", [extension.name]), "object": extension.object} if {
	some extension in input.after.extensions
	not extension.name in input.params.REQ14.allowed
}
