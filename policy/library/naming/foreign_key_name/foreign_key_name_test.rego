package library.naming.foreign_key_name_test

import data.library.naming.foreign_key_name

test_speaks if {
	count(foreign_key_name.deny) == 1 with input as {"after": {"constraints": [{
		"name": "fk1",
		"object": "public.orders.fk1",
		"kind": "foreign key",
		"inherited": false,
	}]}}
		with input.params.NM104 as {"pattern": "(fk_[a-z0-9_]+|[a-z0-9_]+_(fkey|fk))"}
}

test_silent if {
	count(foreign_key_name.deny) == 0 with input as {"after": {"constraints": [{
		"name": "orders_customer_id_fkey",
		"object": "public.orders.orders_customer_id_fkey",
		"kind": "foreign key",
		"inherited": false,
	}]}}
		with input.params.NM104 as {"pattern": "(fk_[a-z0-9_]+|[a-z0-9_]+_(fkey|fk))"}
}
