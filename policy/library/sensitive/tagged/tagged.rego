# METADATA
# title: personal data is tagged
# description: |
#   Whoever must delete or export what is known of a person needs to know where it is. The rule
#   wants the comment of a column whose name looks like personal data to hold a tag, or to say
#   that it holds none.
# custom:
#   id: PI101
#   aliases: [splinter:sensitive_columns_exposed]
#   params:
#     names:
#       default: "(^|_)(email|phone|ssn|iban|birth(day|date)?|date_of_birth|passport|address|first_name|last_name|password|ip_address)($|_)"
#       description: Regular expression for names of columns that look like personal data.
#     tag:
#       default: "(?i)\\bpii\\b"
#       description: Regular expression for the tag in the comment.
package library.sensitive.tagged

import data.assay

deny contains {"message": message, "object": c.object, "advice": advice} if {
	some c in assay.columns
	regex.match(input.params.PI101.names, lower(c.name))
	not regex.match(input.params.PI101.tag, c.comment)
	message := sprintf("%q looks like personal data and its comment has no tag", [c.object])
	advice := sprintf("COMMENT ON COLUMN %s.%s IS 'pii: …';  -- or 'no pii: …'", [assay.sql_table(c), assay.quoted(c.name)])
}
