# METADATA
# title: no changes of tables on Fridays
# custom:
#   id: REQ08
#   params: {zone: Europe/Berlin}
package requests.no_fridays

deny contains {"message": sprintf("it is %s in %s", [day, zone]), "location": migration.location} if {
	zone := input.params.REQ08.zone
	day := time.weekday([time.now_ns(), zone])
	day in {"Friday", "Saturday", "Sunday"}
	some migration in input.migrations
}
