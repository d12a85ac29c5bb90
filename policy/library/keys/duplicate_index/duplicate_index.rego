# METADATA
# title: no two indexes are the same
# description: |
#   Two indexes with the same definition cost each write twice and serve no query better.
# custom:
#   id: KY105
#   aliases: [skeema:dupe-index, splinter:duplicate_index, bytebase:index.not-redundant]
package library.keys.duplicate_index

import data.assay

deny contains {"message": message, "object": b.object} if {
	some t in assay.tables
	some a in t.indexes
	some b in t.indexes
	a.name != b.name
	a.keys == b.keys
	_shape(a) == _shape(b)
	_rank(a) < _rank(b)
	message := sprintf("index %q does the same as %q", [b.name, a.name])
}

# What an index does, without its name.
_shape(index) := [index.method, index.keys, index.include, index.predicate]

# Constraints stay before unique indexes, old ones before new ones.
_rank(index) := [
	count([1 | not index.constraint]),
	count([1 | not index.unique]),
	count([1 | assay.is_new(index.object)]),
	index.name,
]
