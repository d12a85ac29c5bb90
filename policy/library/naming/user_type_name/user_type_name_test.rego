package library.naming.user_type_name_test

import data.library.naming.user_type_name

test_speaks if {
	count(user_type_name.deny) == 1 with input as {"after": {"types": [{"name": "Mood", "object": "public.Mood"}]}}
		with input.params.NM111 as {"pattern": "[a-z][a-z0-9_]*"}
}

test_silent if {
	count(user_type_name.deny) == 0 with input as {"after": {"types": [{"name": "order_state", "object": "public.order_state"}]}}
		with input.params.NM111 as {"pattern": "[a-z][a-z0-9_]*"}
}
