package library.naming.index_name_test

import data.library.naming.index_name

test_speaks if {
	count(index_name.deny) == 1 with input as {"after": {"indexes": [{
		"name": "foo",
		"object": "public.foo",
		"constraint": false,
		"inherited": false,
	}]}}
		with input.params.NM103 as {"pattern": "(idx_[a-z0-9_]+|[a-z0-9_]+_idx)"}
}

test_silent if {
	count(index_name.deny) == 0 with input as {"after": {"indexes": [{
		"name": "orders_total_idx",
		"object": "public.orders_total_idx",
		"constraint": false,
		"inherited": false,
	}]}}
		with input.params.NM103 as {"pattern": "(idx_[a-z0-9_]+|[a-z0-9_]+_idx)"}
}
