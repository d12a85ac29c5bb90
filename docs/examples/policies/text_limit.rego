# METADATA
# title: texts that come from outside are limited
# custom:
#   id: REQ04
#   params: {schema: {default: api, description: The schema of the tables.}}
package requests.text_limit

import data.assay

deny contains {"message": sprintf("%q takes a text of any length", [column.object]), "object": column.object} if {
	some table in assay.tables
	table.schema == input.params.REQ04.schema
	some column in table.columns
	column.underlying_type in {"text", "character varying"}
	column.type == column.base_type
	not limited(table, column)
}

limited(table, column) if {
	some check in table.constraints
	check.kind == "check"
	column.name in check.columns
	contains(check.expression, "length(")
}

limited(_, column) if {
	some type in input.after.types
	type.object == column.domain
	some check in type.checks
	contains(check, "length(")
}
