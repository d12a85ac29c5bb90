package library.rls.policy_without_rls_test

import data.library.rls.policy_without_rls

test_speaks if {
	count(policy_without_rls.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"row_security": false,
		"policies": [{"name": "p", "object": "public.t.p"}],
	}]}}
}

test_silent if {
	count(policy_without_rls.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"row_security": true,
		"policies": [{"name": "p", "object": "public.t.p"}],
	}]}}
}
