# METADATA
# title: amounts of money are numeric
# description: |
#   Binary fractions cannot hold 0.1, so that sums drift by cents. The type money depends on a
#   setting of the server.
# custom:
#   id: TY105
#   aliases: [skeema:has-float]
#   params:
#     names:
#       default: "(^|_)(amount|price|cost|fee|total|balance|tax|salary)(e?s)?($|_)"
#       description: Regular expression for the names of columns that hold amounts.
package library.types.numeric_money

import data.assay

deny contains {"message": message, "object": c.object} if {
	some c in assay.columns
	c.underlying_type in {"money", "real", "double precision"}
	_inexact(c)
	message := sprintf("column %q is %s: amounts need an exact type", [c.object, c.type])
}

_inexact(c) if c.underlying_type == "money"

_inexact(c) if {
	c.underlying_type != "money"
	regex.match(input.params.TY105.names, _snake(c.name))
}

# totalAmount is total_amount.
_snake(name) := lower(regex.replace(name, `([a-z0-9])([A-Z])`, "${1}_${2}"))
