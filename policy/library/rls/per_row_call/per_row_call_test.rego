package library.rls.per_row_call_test

import data.library.rls.per_row_call

test_speaks if {
	count(per_row_call.warn) == 1 with input as {"after": {"policies": [{
		"name": "p",
		"object": "api.t.p",
		"table": "api.t",
		"using": "(owner = current_setting('a'::text))",
		"with_check": "",
	}]}}
		with input.params.RL107 as {"calls": "\\b(auth\\.[a-z_]+|current_setting)\\("}
}

test_silent if {
	count(per_row_call.warn) == 0 with input as {"after": {"policies": [{
		"name": "p",
		"object": "api.t.p",
		"table": "api.t",
		"using": "(owner = ( SELECT current_setting('a'::text) AS current_setting))",
		"with_check": "",
	}]}}
		with input.params.RL107 as {"calls": "\\b(auth\\.[a-z_]+|current_setting)\\("}
}
