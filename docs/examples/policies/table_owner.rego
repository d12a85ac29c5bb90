# METADATA
# title: a table's comment names the team that owns it
# custom:
#   id: REQ02
package requests.table_owner

import data.assay

deny contains {"message": sprintf("the comment on %q has no \"owner: team\"", [table.object]), "object": table.object} if {
	some table in assay.tables
	not regex.match(`(?i)\bowner: *[a-z]`, table.comment)
}
