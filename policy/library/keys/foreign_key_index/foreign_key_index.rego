# METADATA
# title: foreign keys have an index
# description: |
#   Deleting or changing a referenced row looks for the rows that refer to it. Without an index
#   on the referring columns that is a scan of the whole table, for each row.
# custom:
#   id: KY103
#   aliases: [splinter:unindexed_foreign_keys]
package library.keys.foreign_key_index

import data.assay

deny contains {"message": message, "object": k.object, "fix": fix} if {
	some t in assay.tables
	some k in t.foreign_keys
	not k.inherited
	not assay.indexed(t, k.columns)
	message := sprintf("no index on %q begins with the columns of foreign key %q (%s)", [t.object, k.name, concat(", ", k.columns)])
	fix := sprintf("CREATE INDEX CONCURRENTLY ON %s (%s);", [assay.sql_name(t), assay.sql_columns(k.columns)])
}
