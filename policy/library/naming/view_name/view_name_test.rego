package library.naming.view_name_test

import data.library.naming.view_name

test_speaks if {
	count(view_name.deny) == 1 with input as {"after": {"views": [{"name": "Open", "object": "public.Open"}]}}
		with input.params.NM108 as {"pattern": "[a-z][a-z0-9_]*"}
}

test_silent if {
	count(view_name.deny) == 0 with input as {"after": {"views": [{"name": "open_orders", "object": "public.open_orders"}]}}
		with input.params.NM108 as {"pattern": "[a-z][a-z0-9_]*"}
}
