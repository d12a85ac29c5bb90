# METADATA
# title: the privacy team approves new columns of users
# custom:
#   id: REQ06
package requests.column_approval

import data.assay

require_approval contains {"team": "privacy", "reason": change.text, "object": change.object} if {
	some change in input.changes
	change.type == "add_column"
	assay.origin(change.table) == "public.users"
}
