package library.naming.sequence_name_test

import data.library.naming.sequence_name

test_speaks if {
	count(sequence_name.deny) == 1 with input as {"after": {"sequences": [{"name": "counter", "object": "public.counter"}]}}
		with input.params.NM107 as {"pattern": "[a-z0-9_]+_seq"}
}

test_silent if {
	count(sequence_name.deny) == 0 with input as {"after": {"sequences": [{"name": "invoice_seq", "object": "public.invoice_seq"}]}}
		with input.params.NM107 as {"pattern": "[a-z0-9_]+_seq"}
}
