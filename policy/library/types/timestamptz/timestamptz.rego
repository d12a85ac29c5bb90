# METADATA
# title: points in time have a time zone
# description: |
#   timestamp without time zone is a picture of a clock, not a point in time: two servers with
#   different TimeZone write different moments.
# custom:
#   id: TY101
#   aliases: [squawk:prefer-timestamp-tz]
package library.types.timestamptz

import data.assay

deny contains {"message": message, "object": c.object} if {
	some c in assay.columns
	c.underlying_type == "timestamp without time zone"
	message := sprintf("column %q is %s: it does not say which moment it means", [c.object, c.type])
}
