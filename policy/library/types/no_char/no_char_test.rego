package library.types.no_char_test

import data.library.types.no_char

test_speaks if {
	count(no_char.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "c",
			"object": "public.t.c",
			"type": "character(2)",
			"base_type": "character", "underlying_type": "character",
		}],
	}]}}
}

test_silent if {
	count(no_char.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "c",
			"object": "public.t.c",
			"type": "text",
			"base_type": "text", "underlying_type": "text",
		}],
	}]}}
}
