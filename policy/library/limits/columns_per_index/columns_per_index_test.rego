package library.limits.columns_per_index_test

import data.library.limits.columns_per_index

test_speaks if {
	count(columns_per_index.deny) == 1 with input as {"after": {"indexes": [{
		"name": "i",
		"object": "public.i",
		"keys": [{}, {}, {}, {}, {}, {}],
	}]}}
		with input.params.LM103 as {"max": 5}
}

test_silent if {
	count(columns_per_index.deny) == 0 with input as {"after": {"indexes": [{"name": "i", "object": "public.i", "keys": [{}]}]}}
		with input.params.LM103 as {"max": 5}
}
