package library.comments.column_comment_test

import data.library.comments.column_comment

test_speaks if {
	count(column_comment.deny) == 1 with input as {
		"after": {"tables": [{
			"object": "public.t",
			"name": "t",
			"schema": "public",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "a",
				"object": "public.t.a",
				"type": "text",
				"base_type": "text",
				"comment": "",
			}],
		}]},
		"added": ["public.t.a"],
	}
		with input.params.CM102 as {"obvious": ["id"]}
}

test_silent if {
	count(column_comment.deny) == 0 with input as {
		"after": {"tables": [{
			"object": "public.t",
			"name": "t",
			"schema": "public",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "a",
				"object": "public.t.a",
				"type": "text",
				"base_type": "text",
				"comment": "x",
			}],
		}]},
		"added": ["public.t.a"],
	}
		with input.params.CM102 as {"obvious": ["id"]}
}
