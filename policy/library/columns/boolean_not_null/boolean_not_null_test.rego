package library.columns.boolean_not_null_test

import data.library.columns.boolean_not_null

test_speaks if {
	count(boolean_not_null.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "a",
			"object": "public.t.a",
			"type": "boolean",
			"base_type": "boolean", "array": false, "domain_not_null": false, "underlying_type": "boolean",
			"not_null": false,
		}],
	}]}}
}

test_silent if {
	count(boolean_not_null.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "a",
			"object": "public.t.a",
			"type": "boolean",
			"base_type": "boolean", "array": false, "domain_not_null": false, "underlying_type": "boolean",
			"not_null": true,
		}],
	}]}}
}
