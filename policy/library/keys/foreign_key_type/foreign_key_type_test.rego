package library.keys.foreign_key_type_test

import data.library.keys.foreign_key_type

test_speaks if {
	count(foreign_key_type.deny) == 1 with input as {"after": {"tables": [
		{
			"object": "public.t",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "a",
				"object": "public.t.a",
				"type": "integer",
			}],
			"foreign_keys": [{
				"object": "public.t.k",
				"columns": ["a"],
				"references": {
					"table": "public.u",
					"columns": ["id"],
				},
			}],
		},
		{
			"object": "public.u",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "id",
				"object": "public.u.id",
				"type": "bigint",
			}],
			"foreign_keys": [],
		},
	]}}
}

test_silent if {
	count(foreign_key_type.deny) == 0 with input as {"after": {"tables": [
		{
			"object": "public.t",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "a",
				"object": "public.t.a",
				"type": "bigint",
			}],
			"foreign_keys": [{
				"object": "public.t.k",
				"columns": ["a"],
				"references": {
					"table": "public.u",
					"columns": ["id"],
				},
			}],
		},
		{
			"object": "public.u",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "id",
				"object": "public.u.id",
				"type": "bigint",
			}],
			"foreign_keys": [],
		},
	]}}
}
