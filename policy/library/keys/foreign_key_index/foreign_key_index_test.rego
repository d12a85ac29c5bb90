package library.keys.foreign_key_index_test

import data.library.keys.foreign_key_index

test_speaks if {
	count(foreign_key_index.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t", "schema": "public", "name": "t",
		"partition_of": "",
		"persistence": "permanent",
		"indexes": [],
		"foreign_keys": [{
			"name": "k",
			"object": "public.t.k",
			"columns": ["a"],
			"inherited": false,
		}],
	}]}}
}

test_silent if {
	count(foreign_key_index.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t", "schema": "public", "name": "t",
		"partition_of": "",
		"persistence": "permanent",
		"indexes": [{
			"columns": ["a", "b"],
			"predicate": "",
			"valid": true,
			"method": "btree",
		}],
		"foreign_keys": [{
			"name": "k",
			"object": "public.t.k",
			"columns": ["a"],
			"inherited": false,
		}],
	}]}}
}
