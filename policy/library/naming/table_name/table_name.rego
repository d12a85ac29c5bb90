# METADATA
# title: table names follow the team's pattern
# description: |
#   A name that needs quotes needs them in every query for ever. Partitions may be called as the
#   tool that makes them likes.
# custom:
#   id: NM101
#   aliases: [bytebase:naming.table, skeema:name-case, liquibase:ObjectNameMustMatch]
#   params:
#     pattern:
#       default: "[a-z][a-z0-9_]*"
#       description: Regular expression for the whole table name.
package library.naming.table_name

import data.assay

deny contains {"message": message, "object": x.object} if {
	some x in input.after.tables
	x.partition_of == ""
	x.persistence != "temporary"
	not assay.name_matches(input.params.NM101.pattern, x.name)
	message := sprintf("table name %q does not match %s", [x.name, input.params.NM101.pattern])
}
