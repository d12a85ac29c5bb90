# METADATA
# title: policies are switched on
# description: |
#   A policy on a table without row-level security has no effect.
# custom:
#   id: RL105
#   aliases: [splinter:policy_exists_rls_disabled]
package library.rls.policy_without_rls

import data.assay

deny contains {"message": message, "object": p.object} if {
	some t in assay.tables
	not t.row_security
	some p in t.policies
	message := sprintf("policy %q has no effect: row-level security is disabled on %q", [p.name, t.object])
}
