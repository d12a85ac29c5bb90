package library.limits.identifier_length_test

import data.library.limits.identifier_length

test_speaks if {
	count(identifier_length.deny) == 1 with input as {"after": {
		"tables": [{
			"name": "a_name_that_goes_on_and_on_until_nobody_reads",
			"object": "x",
		}],
		"columns": [],
		"views": [],
	}}
		with input.params.LM104 as {"max": 40}
}

test_silent if {
	count(identifier_length.deny) == 0 with input as {"after": {"tables": [{"name": "orders", "object": "x"}], "columns": [], "views": []}}
		with input.params.LM104 as {"max": 40}
}
