# METADATA
# title: row-level security comes with policies
# description: |
#   A table with row-level security and no policy is empty for everybody but its owner.
# custom:
#   id: RL104
#   aliases: [splinter:rls_enabled_no_policy]
package library.rls.no_policy

import data.assay

deny contains {"message": message, "object": t.object} if {
	some t in assay.tables
	t.row_security
	count(t.policies) == 0
	message := sprintf("table %q has row-level security and no policy: it is empty for everybody but its owner", [t.object])
}
