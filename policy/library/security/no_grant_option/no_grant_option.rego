# METADATA
# title: rights are not handed on
# description: |
#   WITH GRANT OPTION lets a role give its rights to others, out of sight of any migration.
# custom:
#   id: SP103
#   aliases: [liquibase:SqlGrantOptionWarn]
package library.security.no_grant_option

deny contains {"message": message, "object": g.object} if {
	some g in input.after.grants
	g.grantable
	message := sprintf("%s may hand on %s on %q", [g.grantee, g.privilege, g.object])
}
