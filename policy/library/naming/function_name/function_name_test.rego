package library.naming.function_name_test

import data.library.naming.function_name

test_speaks if {
	count(function_name.deny) == 1 with input as {"after": {"functions": [{"name": "AddTax", "object": "public.AddTax(numeric)"}]}}
		with input.params.NM109 as {"pattern": "[a-z][a-z0-9_]*"}
}

test_silent if {
	count(function_name.deny) == 0 with input as {"after": {"functions": [{"name": "add_tax", "object": "public.add_tax(numeric)"}]}}
		with input.params.NM109 as {"pattern": "[a-z][a-z0-9_]*"}
}
