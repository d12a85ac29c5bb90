# METADATA
# title: no char(n)
# description: |
#   char(n) fills up with blanks, which count in some comparisons and not in others.
# custom:
#   id: TY103
#   aliases: [squawk:ban-char-field, bytebase:column.maximum-character-length]
package library.types.no_char

import data.assay

deny contains {"message": message, "object": c.object} if {
	some c in assay.columns
	c.underlying_type in {"character", "bpchar"}
	message := sprintf("column %q is %s, which pads with blanks", [c.object, c.type])
}
