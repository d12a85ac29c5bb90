package library.naming.unique_name_test

import data.library.naming.unique_name

test_speaks if {
	count(unique_name.deny) == 1 with input as {"after": {"constraints": [{
		"name": "u1",
		"object": "public.orders.u1",
		"kind": "unique",
		"inherited": false,
	}]}}
		with input.params.NM106 as {"pattern": "((uq|uk|uniq)_[a-z0-9_]+|[a-z0-9_]+_(key|uniq|unique))"}
}

test_silent if {
	count(unique_name.deny) == 0 with input as {"after": {"constraints": [{
		"name": "orders_number_key",
		"object": "public.orders.orders_number_key",
		"kind": "unique",
		"inherited": false,
	}]}}
		with input.params.NM106 as {"pattern": "((uq|uk|uniq)_[a-z0-9_]+|[a-z0-9_]+_(key|uniq|unique))"}
}
