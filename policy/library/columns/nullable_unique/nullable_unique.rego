# METADATA
# title: unique columns are not NULL
# description: |
#   NULL is not equal to NULL: a unique constraint lets any number of rows in where one of its
#   columns is NULL.
# custom:
#   id: CL104
package library.columns.nullable_unique

import data.assay

warn contains {"message": message, "object": k.object} if {
	some t in assay.tables
	some k in t.constraints
	k.kind == "unique"
	not k.inherited
	not contains(k.definition, "NULLS NOT DISTINCT")
	some c in t.columns
	c.name in k.columns
	not c.not_null
	message := sprintf("%q can be NULL: %q lets any number of such rows in", [c.object, k.name])
}

warn contains {"message": message, "object": i.object} if {
	some t in assay.tables
	some i in t.indexes
	i.unique
	not i.constraint
	not i.inherited
	not contains(i.definition, "NULLS NOT DISTINCT")
	some c in t.columns
	c.name in i.columns
	not c.not_null
	not contains(i.predicate, sprintf("%s IS NOT NULL", [assay.quoted(c.name)]))
	message := sprintf("%q can be NULL: %q lets any number of such rows in", [c.object, i.name])
}
