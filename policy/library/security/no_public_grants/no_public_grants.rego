# METADATA
# title: nothing is granted to everybody
# description: |
#   PUBLIC is every role there is and will be.
# custom:
#   id: SP102
#   aliases: [liquibase:SqlGrantSpecificPrivsWarn]
#   params:
#     kinds:
#       default: ["table", "partitioned table", "foreign table", "view", "materialized view", "column", "schema", "sequence"]
#       description: Kinds of object that the rule is about.
package library.security.no_public_grants

deny contains {"message": message, "object": change.object, "location": change.location} if {
	some change in input.changes
	change.type == "add_grant"
	change.grantee == "public"
	change.kind in input.params.SP102.kinds
	message := sprintf("%s on %s %q is granted to everybody", [change.is, change.kind, change.object])
}
