# METADATA
# title: both sides of a foreign key have one type
# description: |
#   PostgreSQL takes an integer that refers to a bigint, until the first number that does not
#   fit; and joins must cast.
# custom:
#   id: KY104
package library.keys.foreign_key_type

import data.assay

deny contains {"message": message, "object": k.object} if {
	some t in assay.tables
	some k in t.foreign_keys
	some i, name in k.columns
	here := assay.column_by_name[concat(".", [k.table, name])]
	there := assay.column_by_name[concat(".", [k.references.table, k.references.columns[i]])]
	here.type != there.type
	message := sprintf("%q is %s and refers to %q, which is %s", [here.object, here.type, there.object, there.type])
}
