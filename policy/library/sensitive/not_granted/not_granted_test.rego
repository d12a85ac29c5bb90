package library.sensitive.not_granted_test

import data.library.sensitive.not_granted

_after(grant, comment) := {
	"grants": [grant],
	"columns": [{"name": "email", "object": "public.t.email", "table": "public.t", "comment": comment}],
	"views": [{"object": "public.v", "columns": [{"name": "email"}]}],
	"dependencies": [{"object": "public.v", "on": "public.t"}],
}

_params := {"roles": ["public"], "tag": "(?i)\\bpii\\b"}

_grant(grantee, object) := {"grantee": grantee, "privilege": "SELECT", "object": object}

test_speaks if {
	count(not_granted.deny) == 1 with input as {"after": _after(_grant("public", "public.t"), "PII: x")} with input.params.PI103 as _params
}

test_speaks_of_views if {
	count(not_granted.deny) == 1 with input as {"after": _after(_grant("public", "public.v"), "pii: x")} with input.params.PI103 as _params
}

test_silent if {
	count(not_granted.deny) == 0 with input as {"after": _after(_grant("app", "public.t"), "pii: x")} with input.params.PI103 as _params
}

test_silent_without_data if {
	count(not_granted.deny) == 0 with input as {"after": _after(_grant("public", "public.t"), "no pii: x")} with input.params.PI103 as _params
}
