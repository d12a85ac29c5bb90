package library.keys.key_type_test

import data.library.keys.key_type

test_speaks if {
	count(key_type.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"primary_key": {"name": "k", "columns": ["id"]},
		"columns": [{
			"name": "id",
			"object": "public.t.id",
			"type": "integer",
			"base_type": "integer", "underlying_type": "integer",
		}],
	}]}}
		with input.params.KY102 as {"types": ["bigint", "uuid"]}
}

test_silent if {
	count(key_type.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"primary_key": {"name": "k", "columns": ["id"]},
		"columns": [{
			"name": "id",
			"object": "public.t.id",
			"type": "bigint",
			"base_type": "bigint", "underlying_type": "bigint",
		}],
	}]}}
		with input.params.KY102 as {"types": ["bigint", "uuid"]}
}
