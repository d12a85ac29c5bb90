# METADATA
# title: extensions do not live in public
# description: |
#   Functions of an extension in public mix with the team's own, and move with them when public
#   is dumped or exposed.
# custom:
#   id: SP105
#   aliases: [splinter:extension_in_public]
package library.security.extension_schema

deny contains {"message": message, "object": e.object} if {
	some e in input.after.extensions
	e.schema == "public"
	message := sprintf("extension %q is in schema public", [e.name])
}
