# METADATA
# title: points in time have a time zone
# custom:
#   id: REQ16
package requests.time_zone

import data.assay

deny contains {"message": sprintf("%q is a time of nobody's clock", [column.object]), "object": column.object} if {
	some column in assay.columns
	column.underlying_type == "timestamp without time zone"
}
