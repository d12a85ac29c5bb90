package library.naming.table_name_test

import data.library.naming.table_name

test_speaks if {
	count(table_name.deny) == 1 with input as {"after": {"tables": [{"name": "Orders", "object": "public.Orders", "partition_of": "", "persistence": "permanent"}]}}
		with input.params.NM101 as {"pattern": "[a-z][a-z0-9_]*"}
}

test_silent if {
	count(table_name.deny) == 0 with input as {"after": {"tables": [{"name": "orders", "object": "public.orders", "partition_of": "", "persistence": "permanent"}]}}
		with input.params.NM101 as {"pattern": "[a-z][a-z0-9_]*"}
}
