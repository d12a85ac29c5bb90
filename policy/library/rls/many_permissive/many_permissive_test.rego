package library.rls.many_permissive_test

import data.library.rls.many_permissive

test_speaks if {
	count(many_permissive.warn) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"policies": [
			{
				"name": "a",
				"object": "public.t.a",
				"permissive": true,
				"roles": ["public"],
				"command": "all",
			},
			{
				"name": "b",
				"object": "public.t.b",
				"permissive": true,
				"roles": ["public"],
				"command": "select",
			},
		],
	}]}}
}

test_silent if {
	count(many_permissive.warn) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"policies": [
			{
				"name": "a",
				"object": "public.t.a",
				"permissive": true,
				"roles": ["public"],
				"command": "insert",
			},
			{
				"name": "b",
				"object": "public.t.b",
				"permissive": true,
				"roles": ["public"],
				"command": "select",
			},
		],
	}]}}
}
