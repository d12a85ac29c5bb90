package library.sensitive.not_granted_test

import data.library.sensitive.not_granted

test_speaks if {
	count(not_granted.deny) == 1 with input as {
		"changes": [{
			"type": "add_grant",
			"is": "SELECT",
			"grantee": "public",
			"object": "public.t",
			"location": {},
		}],
		"after": {"columns": [{
			"name": "email",
			"object": "public.t.email",
			"type": "text",
			"base_type": "text",
			"comment": "pii: x",
			"table": "public.t",
		}]},
	}
		with input.params.PI103 as {"roles": ["public"], "tag": "\\bpii\\b"}
}

test_silent if {
	count(not_granted.deny) == 0 with input as {
		"changes": [{
			"type": "add_grant",
			"is": "SELECT",
			"grantee": "public",
			"object": "public.t.id",
			"location": {},
		}],
		"after": {"columns": [{
			"name": "email",
			"object": "public.t.email",
			"type": "text",
			"base_type": "text",
			"comment": "pii: x",
			"table": "public.t",
		}]},
	}
		with input.params.PI103 as {"roles": ["public"], "tag": "\\bpii\\b"}
}
