package library.types.text_test

import data.library.types.text

test_speaks if {
	count(text.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "c",
			"object": "public.t.c",
			"type": "character varying(20)",
			"base_type": "character varying", "underlying_type": "character varying",
		}],
	}]}}
}

test_silent if {
	count(text.deny) == 0 with input as {"after": {"tables": [{
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
