# METADATA
# title: personal data is behind row-level security or a mask
# description: |
#   A column tagged as personal data stands in a table with row-level security, or says in its
#   comment how it is masked.
# custom:
#   id: PI102
#   params:
#     tag:
#       default: "(?i)\\bpii\\b"
#       description: Regular expression for the tag in the comment.
package library.sensitive.protected

import data.assay

deny contains {"message": message, "object": c.object} if {
	some t in assay.tables
	not t.row_security
	some c in t.columns
	c.comment != ""
	regex.match(input.params.PI102.tag, c.comment)
	not regex.match(`(?i)\b(no pii|masked|hashed|encrypted)\b`, c.comment)
	message := sprintf("%q holds personal data, and %q has no row-level security", [c.object, t.object])
}
