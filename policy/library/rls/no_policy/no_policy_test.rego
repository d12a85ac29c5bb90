package library.rls.no_policy_test

import data.library.rls.no_policy

test_speaks if {
	count(no_policy.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"row_security": true,
		"policies": [],
	}]}}
}

test_silent if {
	count(no_policy.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"row_security": true,
		"policies": [{}],
	}]}}
}
