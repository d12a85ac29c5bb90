# METADATA
# title: every table has the columns that all tables have
# description: |
#   When a row was made and last changed is asked of every table sooner or later, and cannot be
#   found out afterwards.
# custom:
#   id: CL101
#   aliases: [bytebase:column.required]
#   params:
#     columns:
#       default: ["created_at", "updated_at"]
#       description: Columns that every table must have.
#     except:
#       default: []
#       description: Globs of tables that need not have them, such as public.*_log.
package library.columns.required_columns

import data.assay

deny contains {"message": message, "object": t.object} if {
	some t in assay.tables
	not assay.matches_any(input.params.CL101.except, t.object)
	some name in input.params.CL101.columns
	not name in {c.name | some c in t.columns}
	message := sprintf("table %q has no column %s", [t.object, name])
}
