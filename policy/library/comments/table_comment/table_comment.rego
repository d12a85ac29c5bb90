# METADATA
# title: every table says what it is
# description: |
#   The catalog is the one place where a description cannot get lost: every client and every
#   export shows it.
# custom:
#   id: CM101
#   aliases: [bytebase:table.comment]
package library.comments.table_comment

import data.assay

deny contains {"message": message, "object": t.object} if {
	some t in assay.tables
	trim_space(t.comment) == ""
	message := sprintf("table %q has no comment", [t.object])
}
