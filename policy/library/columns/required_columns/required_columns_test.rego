package library.columns.required_columns_test

import data.library.columns.required_columns

test_speaks if {
	count(required_columns.deny) == 1 with input as {
		"after": {"tables": [{
			"object": "public.t",
			"name": "t",
			"schema": "public",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "created_at",
				"object": "public.t.created_at",
				"type": "timestamptz",
				"base_type": "timestamptz",
			}],
		}]},
		"added": ["public.t"],
	}
		with input.params.CL101 as {"columns": ["created_at", "updated_at"], "except": []}
}

test_silent if {
	count(required_columns.deny) == 0 with input as {
		"after": {"tables": [{
			"object": "public.t",
			"name": "t",
			"schema": "public",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [
				{
					"name": "created_at",
					"object": "public.t.created_at",
					"type": "timestamptz",
					"base_type": "timestamptz",
				},
				{
					"name": "updated_at",
					"object": "public.t.updated_at",
					"type": "timestamptz",
					"base_type": "timestamptz",
				},
			],
		}]},
		"added": ["public.t"],
	}
		with input.params.CL101 as {"columns": ["created_at", "updated_at"], "except": []}
}
