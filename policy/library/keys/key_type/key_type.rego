# METADATA
# title: primary keys are bigint or uuid
# description: |
#   An integer key ends at 2,147,483,647 and changing its type rewrites the table and everything
#   that refers to it.
# custom:
#   id: KY102
#   aliases: [skeema:auto-inc, bytebase:index.primary-key-type-allowlist]
#   params:
#     types:
#       default: ["bigint", "uuid"]
#       description: Types that a key column may have.
package library.keys.key_type

import data.assay

deny contains {"message": message, "object": c.object} if {
	some t in assay.tables
	some c in t.columns
	c.underlying_type in _narrow
	not c.underlying_type in input.params.KY102.types
	c.name in t.primary_key.columns
	message := sprintf("key column %q is %s, not %s", [c.object, c.type, concat(" or ", input.params.KY102.types)])
}

# What ends too early, is no identity, or is large. Dates and the like are parts of keys by meaning.
_narrow := {
	"smallint", "integer", "numeric", "real", "double precision", "text", "character varying", "character", "bpchar",
	"timestamp with time zone", "timestamp without time zone",
}
