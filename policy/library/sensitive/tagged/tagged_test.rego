package library.sensitive.tagged_test

import data.library.sensitive.tagged

test_speaks if {
	count(tagged.deny) == 1 with input as {
		"after": {"tables": [{
			"object": "public.t",
			"name": "t",
			"schema": "public",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "email", "schema": "public", "table": "public.t",
				"object": "public.t.email",
				"type": "text",
				"base_type": "text",
				"comment": "",
			}],
		}]},
		"added": ["public.t.email"],
	}
		with input.params.PI101 as {
			"names": "(^|_)(email|phone|ssn|iban|birth(day|date)?|date_of_birth|passport|address|first_name|last_name|password|ip_address)($|_)",
			"tag": "\\bpii\\b",
		}
}

test_silent if {
	count(tagged.deny) == 0 with input as {
		"after": {"tables": [{
			"object": "public.t",
			"name": "t",
			"schema": "public",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "email", "schema": "public", "table": "public.t",
				"object": "public.t.email",
				"type": "text",
				"base_type": "text",
				"comment": "pii: x",
			}],
		}]},
		"added": ["public.t.email"],
	}
		with input.params.PI101 as {
			"names": "(^|_)(email|phone|ssn|iban|birth(day|date)?|date_of_birth|passport|address|first_name|last_name|password|ip_address)($|_)",
			"tag": "\\bpii\\b",
		}
}
