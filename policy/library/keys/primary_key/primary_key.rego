# METADATA
# title: every table has a primary key
# description: |
#   Without a primary key a row cannot be named: logical replication refuses UPDATE and DELETE,
#   tools cannot page, and duplicates cannot be told apart.
# custom:
#   id: KY101
#   aliases: [bytebase:table.require-pk, skeema:pk, liquibase:PrimaryKeyOnCreateTable, splinter:no_primary_key]
package library.keys.primary_key

import data.assay

deny contains {"message": message, "object": t.object} if {
	some t in assay.tables
	not t.primary_key
	message := sprintf("table %q has no primary key", [t.object])
}
