# METADATA
# title: no role sees the rows of every tenant
# custom:
#   id: REQ28
package requests.no_bypass

deny contains {"message": sprintf("role %s may pass row security", [role.name]), "object": role.object} if {
	some role in input.after.roles
	role.login
	some name in graph.reachable(groups, {role.name})
	some other in input.after.roles
	other.name == name
	passes(other)
}

passes(role) if role.bypass_rls

passes(role) if role.superuser

groups := {role.name: role.member_of | some role in input.after.roles}
