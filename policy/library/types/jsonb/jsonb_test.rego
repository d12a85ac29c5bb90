package library.types.jsonb_test

import data.library.types.jsonb

test_speaks if {
	count(jsonb.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "c",
			"object": "public.t.c",
			"type": "json",
			"base_type": "json", "underlying_type": "json",
		}],
	}]}}
}

test_silent if {
	count(jsonb.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "c",
			"object": "public.t.c",
			"type": "jsonb",
			"base_type": "jsonb", "underlying_type": "jsonb",
		}],
	}]}}
}
