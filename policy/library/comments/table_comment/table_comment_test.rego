package library.comments.table_comment_test

import data.library.comments.table_comment

test_speaks if {
	count(table_comment.deny) == 1 with input as {
		"after": {"tables": [{
			"object": "public.t",
			"name": "t",
			"schema": "public",
			"partition_of": "",
			"persistence": "permanent",
			"comment": "",
		}]},
		"added": ["public.t"],
	}
}

test_silent if {
	count(table_comment.deny) == 0 with input as {
		"after": {"tables": [{
			"object": "public.t",
			"name": "t",
			"schema": "public",
			"partition_of": "",
			"persistence": "permanent",
			"comment": "x",
		}]},
		"added": ["public.t"],
	}
}
