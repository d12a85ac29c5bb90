# METADATA
# title: identity instead of serial
# description: |
#   A serial column is an integer with a default and a sequence that has rights and an owner of
#   its own. GENERATED … AS IDENTITY is one thing, and standard SQL.
# custom:
#   id: TY106
#   aliases: [squawk:prefer-identity]
package library.types.identity

import data.assay

deny contains {"message": message, "object": c.object} if {
	some c in assay.columns
	c.identity == ""
	startswith(c.default, "nextval(")
	c.object in _owned
	message := sprintf("column %q (%s) is a serial: use GENERATED … AS IDENTITY", [c.object, c.type])
}

_owned := {s.owned_by | some s in input.after.sequences}
