package library.rls.always_true_test

import data.library.rls.always_true

test_speaks if {
	count(always_true.deny) == 1 with input as {"after": {"policies": [{
		"name": "p",
		"object": "api.t.p",
		"table": "api.t",
		"permissive": true,
		"command": "all",
		"using": "true",
		"with_check": "",
	}]}}
		with input.params.RL103 as {"commands": ["all", "insert", "update", "delete"]}
}

test_silent if {
	count(always_true.deny) == 0 with input as {"after": {"policies": [{
		"name": "p",
		"object": "api.t.p",
		"table": "api.t",
		"permissive": true,
		"command": "all",
		"using": "(owner = CURRENT_USER)",
		"with_check": "",
	}]}}
		with input.params.RL103 as {"commands": ["all", "insert", "update", "delete"]}
}
