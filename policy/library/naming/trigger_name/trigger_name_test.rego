package library.naming.trigger_name_test

import data.library.naming.trigger_name

test_speaks if {
	count(trigger_name.deny) == 1 with input as {"after": {"triggers": [{
		"name": "T1-x",
		"object": "public.orders.T1-x",
		"inherited": false,
	}]}}
		with input.params.NM110 as {"pattern": "[a-z][a-z0-9_]*"}
}

test_silent if {
	count(trigger_name.deny) == 0 with input as {"after": {"triggers": [{
		"name": "orders_touch",
		"object": "public.orders.orders_touch",
		"inherited": false,
	}]}}
		with input.params.NM110 as {"pattern": "[a-z][a-z0-9_]*"}
}
