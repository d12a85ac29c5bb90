package library.naming.reserved_word_test

import data.library.naming.reserved_word

test_speaks if {
	count(reserved_word.deny) == 1 with input as {"after": {
		"tables": [{"name": "user", "object": "public.user"}],
		"columns": [],
		"views": [],
	}}
}

test_silent if {
	count(reserved_word.deny) == 0 with input as {"after": {
		"tables": [{"name": "users", "object": "public.users"}],
		"columns": [],
		"views": [],
	}}
}
