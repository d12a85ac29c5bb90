package library.sensitive.protected_test

import data.library.sensitive.protected

test_speaks if {
	count(protected.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"row_security": false,
		"columns": [{
			"name": "email",
			"object": "public.t.email",
			"type": "text",
			"base_type": "text",
			"comment": "pii: x",
		}],
	}]}}
		with input.params.PI102 as {"tag": "\\bpii\\b"}
}

test_silent if {
	count(protected.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"row_security": true,
		"columns": [{
			"name": "email",
			"object": "public.t.email",
			"type": "text",
			"base_type": "text",
			"comment": "pii: x",
		}],
	}]}}
		with input.params.PI102 as {"tag": "\\bpii\\b"}
}
