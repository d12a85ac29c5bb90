# METADATA
# title: views do not read personal data
# custom:
#   id: REQ03
package requests.no_pii_in_views

import data.assay

deny contains {"message": sprintf("view %q reads %q, which is personal data", [view.object, column.object]), "object": view.object} if {
	some view in input.after.views
	some name in assay.columns_read(view.object)
	column := assay.column_by_name[name]
	regex.match(`(?i)^pii\b`, column.comment)
}
