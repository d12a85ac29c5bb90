package library.rls.view_invoker_test

import data.library.rls.view_invoker

test_speaks if {
	count(view_invoker.deny) == 1 with input as {"after": {"views": [{
		"kind": "view",
		"schema": "api",
		"object": "api.v", "name": "v",
		"security_invoker": false,
	}]}}
		with input.params.RL106 as {"schemas": ["api"]}
}

test_silent if {
	count(view_invoker.deny) == 0 with input as {"after": {"views": [{
		"kind": "view",
		"schema": "api",
		"object": "api.v", "name": "v",
		"security_invoker": true,
	}]}}
		with input.params.RL106 as {"schemas": ["api"]}
}
