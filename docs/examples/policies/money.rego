# METADATA
# title: amounts of money are numeric
# custom:
#   id: REQ15
package requests.money

import data.assay

deny contains {"message": sprintf("%q is %s, which rounds", [column.object, column.underlying_type]), "object": column.object} if {
	some column in assay.columns
	column.underlying_type in {"real", "double precision", "money"}
	words := split(lower(regex.replace(column.name, `([a-z])([A-Z])`, "${1}_${2}")), "_")
	some word in words
	trim_suffix(word, "s") in {"price", "amount", "total", "cost", "fee", "balance"}
}
