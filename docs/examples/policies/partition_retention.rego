# METADATA
# title: partitions are kept for a year
# custom:
#   id: REQ13
package requests.partition_retention

deny contains {"message": sprintf("drops %s, whose rows go up to %s", [dropped.object, ends]), "location": dropped.location} if {
	some dropped in input.evidence.dropped
	some partition in input.before.partitions
	partition.table == dropped.object
	ends := regex.find_all_string_submatch_n(`TO \('(\d{4}-\d\d-\d\d)`, partition.bound, 1)[0][1]
	end := time.parse_rfc3339_ns(sprintf("%sT00:00:00Z", [ends]))
	end > time.add_date(time.now_ns(), -1, 0, 0)
}
