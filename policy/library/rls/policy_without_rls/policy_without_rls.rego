# METADATA
# title: policies are switched on
# description: |
#   A policy on a table without row-level security does nothing.
# custom:
#   id: RL105
#   aliases: [splinter:policy_exists_rls_disabled]
package library.rls.policy_without_rls

import data.assay

deny contains {"message": message, "object": p.object} if {
	some t in assay.tables
	not t.row_security
	some p in t.policies
	message := sprintf("policy %q does nothing: row-level security of %q is off", [p.name, t.object])
}
