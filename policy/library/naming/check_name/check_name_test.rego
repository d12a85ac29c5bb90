package library.naming.check_name_test

import data.library.naming.check_name

test_speaks if {
	count(check_name.deny) == 1 with input as {"after": {"constraints": [{
		"name": "positive",
		"object": "public.orders.positive",
		"kind": "check",
		"inherited": false,
	}]}}
		with input.params.NM105 as {"pattern": "((ck|chk)_[a-z0-9_]+|[a-z0-9_]+_(check|chk))"}
}

test_silent if {
	count(check_name.deny) == 0 with input as {"after": {"constraints": [{
		"name": "orders_total_check",
		"object": "public.orders.orders_total_check",
		"kind": "check",
		"inherited": false,
	}]}}
		with input.params.NM105 as {"pattern": "((ck|chk)_[a-z0-9_]+|[a-z0-9_]+_(check|chk))"}
}
