# METADATA
# title: every migration has a down migration
# custom:
#   id: REQ20
package requests.down_required

deny contains {"message": "has no down migration", "location": migration.location} if {
	some migration in input.migrations
	not migration.has_down
	not migration.repeatable
}
