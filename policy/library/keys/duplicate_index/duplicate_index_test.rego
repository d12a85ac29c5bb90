package library.keys.duplicate_index_test

import data.library.keys.duplicate_index

test_speaks if {
	count(duplicate_index.deny) == 1 with input as {
		"after": {"tables": [{
			"object": "public.t",
			"partition_of": "",
			"persistence": "permanent",
			"indexes": [
				{
					"name": "a",
					"object": "public.a",
					"method": "btree",
					"keys": [{"text": "x"}],
					"include": [],
					"predicate": "",
					"constraint": false,
					"unique": false,
				},
				{
					"name": "b",
					"object": "public.b",
					"method": "btree",
					"keys": [{"text": "x"}],
					"include": [],
					"predicate": "",
					"constraint": false,
					"unique": false,
				},
			],
		}]},
		"added": ["public.b"],
	}
}

test_silent if {
	count(duplicate_index.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"indexes": [
			{
				"name": "a",
				"object": "public.a",
				"method": "btree",
				"keys": [{"text": "x"}],
				"include": [],
				"predicate": "",
				"constraint": false,
				"unique": false,
			},
			{
				"name": "b",
				"object": "public.b",
				"method": "btree",
				"keys": [{"text": "y"}],
				"include": [],
				"predicate": "",
				"constraint": false,
				"unique": false,
			},
		],
	}]}}
}
