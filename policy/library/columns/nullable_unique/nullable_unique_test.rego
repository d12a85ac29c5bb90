package library.columns.nullable_unique_test

import data.library.columns.nullable_unique

test_speaks if {
	count(nullable_unique.warn) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "a",
			"object": "public.t.a",
			"type": "bigint",
			"base_type": "bigint",
			"not_null": false,
		}],
		"constraints": [{
			"kind": "unique",
			"name": "u",
			"object": "public.t.u",
			"columns": ["a"],
			"inherited": false,
			"definition": "UNIQUE (a)",
		}],
	}]}}
}

test_silent if {
	count(nullable_unique.warn) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "a",
			"object": "public.t.a",
			"type": "bigint",
			"base_type": "bigint",
			"not_null": true,
		}],
		"constraints": [{
			"kind": "unique",
			"name": "u",
			"object": "public.t.u",
			"columns": ["a"],
			"inherited": false,
			"definition": "UNIQUE (a)",
		}],
	}]}}
}

test_speaks_of_index if {
	index := {
		"name": "i", "object": "public.i", "unique": true, "constraint": false, "inherited": false,
		"columns": ["a"], "definition": "", "predicate": "",
	}
	count(nullable_unique.warn) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"constraints": [],
		"indexes": [index],
		"columns": [{"name": "a", "object": "public.t.a", "not_null": false}],
	}]}}
}
