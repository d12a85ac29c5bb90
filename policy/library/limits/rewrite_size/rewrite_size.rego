# METADATA
# title: large tables are not written anew
# description: |
#   A rewrite holds everybody off for as long as it takes to copy the table, and needs its size
#   again on disk. How large a table is the statistics say.
# custom:
#   id: LM105
#   params:
#     max_bytes:
#       default: 10000000000
#       description: Largest table that may be rewritten, in bytes.
package library.limits.rewrite_size

import data.assay

deny contains {"message": message, "object": r.table, "location": r.location, "evidence": [r]} if {
	some r in input.evidence.rewrites
	r.kind != "index"
	size := assay.size_of(r.table)
	size > input.params.LM105.max_bytes
	message := sprintf("writes %q anew, %d GB in production", [r.table, round(size / 1000000000)])
}
