package library.limits.indexes_per_table_test

import data.library.limits.indexes_per_table

test_speaks if {
	count(indexes_per_table.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"indexes": [{}, {}],
	}]}}
		with input.params.LM102 as {"max": 1}
}

test_silent if {
	count(indexes_per_table.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"indexes": [{}],
	}]}}
		with input.params.LM102 as {"max": 1}
}
