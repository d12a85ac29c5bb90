package library.naming.column_name_test

import data.library.naming.column_name

test_speaks if {
	count(column_name.deny) == 1 with input as {"after": {"tables": [{"partition_of": "", "persistence": "permanent", "columns": [{"name": "createdAt", "object": "public.orders.createdAt"}]}]}}
		with input.params.NM102 as {"pattern": "[a-z][a-z0-9_]*"}
}

test_silent if {
	count(column_name.deny) == 0 with input as {"after": {"tables": [{"partition_of": "", "persistence": "permanent", "columns": [{"name": "created_at", "object": "public.orders.created_at"}]}]}}
		with input.params.NM102 as {"pattern": "[a-z][a-z0-9_]*"}
}
