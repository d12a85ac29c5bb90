package library.security.not_in_exposed_schema_test

import data.library.security.not_in_exposed_schema

test_speaks if {
	count(not_in_exposed_schema.deny) == 1 with input as {"after": {
		"tables": [],
		"views": [{
			"kind": "materialized view",
			"schema": "api",
			"object": "api.v",
		}],
	}}
		with input.params.SP107 as {"schemas": ["api"]}
}

test_silent if {
	count(not_in_exposed_schema.deny) == 0 with input as {"after": {
		"tables": [],
		"views": [{
			"kind": "materialized view",
			"schema": "internal",
			"object": "internal.v",
		}],
	}}
		with input.params.SP107 as {"schemas": ["api"]}
}
