package library.security.no_public_grants_test

import data.library.security.no_public_grants

test_speaks if {
	count(no_public_grants.deny) == 1 with input as {"changes": [{
		"type": "add_grant",
		"grantee": "public",
		"kind": "table",
		"is": "SELECT",
		"object": "public.t",
		"location": {},
	}]}
		with input.params.SP102 as {"kinds": [
			"table",
			"partitioned table",
			"foreign table",
			"view",
			"materialized view",
			"column",
			"schema",
			"sequence",
		]}
}

test_silent if {
	count(no_public_grants.deny) == 0 with input as {"changes": [{
		"type": "add_grant",
		"grantee": "app",
		"kind": "table",
		"is": "SELECT",
		"object": "public.t",
		"location": {},
	}]}
		with input.params.SP102 as {"kinds": [
			"table",
			"partitioned table",
			"foreign table",
			"view",
			"materialized view",
			"column",
			"schema",
			"sequence",
		]}
}
