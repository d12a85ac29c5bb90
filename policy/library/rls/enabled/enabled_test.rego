package library.rls.enabled_test

import data.library.rls.enabled

test_speaks if {
	count(enabled.deny) == 1 with input as {"after": {"tables": [{
		"object": "api.t",
		"name": "t",
		"schema": "api",
		"partition_of": "",
		"persistence": "permanent",
		"row_security": false,
	}]}}
		with input.params.RL101 as {"schemas": ["api"]}
}

test_silent if {
	count(enabled.deny) == 0 with input as {"after": {"tables": [{
		"object": "api.t",
		"name": "t",
		"schema": "api",
		"partition_of": "",
		"persistence": "permanent",
		"row_security": true,
	}]}}
		with input.params.RL101 as {"schemas": ["api"]}
}
