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

deny contains {"message": message, "object": g.object} if {
	some g in input.after.grants
	g.grantee == "public"
	g.kind in input.params.SP102.kinds
	not _standard(g)
	message := sprintf("%s on %s %q is granted to everybody", [g.privilege, g.kind, g.object])
}

# PostgreSQL's own grant.
_standard(g) if {
	g.object == "public"
	g.kind == "schema"
}
