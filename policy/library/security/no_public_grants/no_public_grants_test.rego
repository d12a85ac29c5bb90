package library.security.no_public_grants_test

import data.library.security.no_public_grants

_grant(grantee, object, kind) := {"grantee": grantee, "kind": kind, "privilege": "SELECT", "object": object}

_params := {"kinds": ["table", "schema"]}

test_speaks if {
	count(no_public_grants.deny) == 1 with input as {"after": {"grants": [_grant("public", "public.t", "table")]}} with input.params.SP102 as _params
}

test_silent if {
	grants := [_grant("app", "public.t", "table"), _grant("public", "public", "schema"), _grant("public", "public.f()", "function")]
	count(no_public_grants.deny) == 0 with input as {"after": {"grants": grants}} with input.params.SP102 as _params
}
