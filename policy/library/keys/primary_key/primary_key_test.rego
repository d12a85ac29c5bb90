package library.keys.primary_key_test

import data.library.keys.primary_key

test_speaks if {
	count(primary_key.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
	}]}}
}

test_silent if {
	count(primary_key.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"primary_key": {"name": "t_pkey", "columns": ["id"]},
	}]}}
}
