# METADATA
# title: the pull request says how the change is taken back
# custom:
#   id: REQ27
package requests.rollback_plan

deny contains {"message": "the description has no line that begins with \"Rollback:\"", "location": change.location} if {
	some change in input.changes
	change.type in {"drop_table", "drop_column", "alter_column_type"}
	not regex.match(`(?m)^Rollback: *\S`, input.context.body)
}

deny contains {"message": "is a draft", "location": input.migrations[0].location} if input.context.draft
