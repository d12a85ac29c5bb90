# METADATA
# title: identity columns instead of serial
# custom:
#   id: REQ22
package requests.no_serial

import data.assay

deny contains {"message": sprintf("%q takes its values from a sequence that anybody can move: use GENERATED ALWAYS AS IDENTITY", [column.object]), "object": column.object} if {
	some column in assay.columns
	startswith(column.default, "nextval(")
}
