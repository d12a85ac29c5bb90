package library.keys.foreign_key_type_test

import data.library.keys.foreign_key_type

test_speaks if {
	count(foreign_key_type.deny) == 1 with input as {"after": {
		"columns": [
			{"object": "public.t.a", "type": "integer"},
			{"object": "public.u.id", "type": "bigint"},
		],
		"tables": [{
			"object": "public.t",
			"partition_of": "",
			"persistence": "permanent",
			"foreign_keys": [{
				"object": "public.t.k",
				"table": "public.t",
				"columns": ["a"],
				"references": {"table": "public.u", "columns": ["id"]},
			}],
		}],
	}}
}

test_silent if {
	count(foreign_key_type.deny) == 0 with input as {"after": {
		"columns": [
			{"object": "public.t.a", "type": "bigint"},
			{"object": "public.u.id", "type": "bigint"},
		],
		"tables": [{
			"object": "public.t",
			"partition_of": "",
			"persistence": "permanent",
			"foreign_keys": [{
				"object": "public.t.k",
				"table": "public.t",
				"columns": ["a"],
				"references": {"table": "public.u", "columns": ["id"]},
			}],
		}],
	}}
}
