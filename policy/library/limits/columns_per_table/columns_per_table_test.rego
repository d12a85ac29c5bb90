package library.limits.columns_per_table_test

import data.library.limits.columns_per_table

test_speaks if {
	count(columns_per_table.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{}, {}],
	}]}}
		with input.params.LM101 as {"max": 1}
}

test_silent if {
	count(columns_per_table.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{}],
	}]}}
		with input.params.LM101 as {"max": 1}
}
