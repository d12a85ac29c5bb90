package library.security.definer_search_path_test

import data.library.security.definer_search_path

test_speaks if {
	count(definer_search_path.deny) == 1 with input as {"after": {"functions": [{"object": "public.f()", "schema": "public", "name": "f", "kind": "function", "security_definer": true, "config": []}]}}
}

test_silent if {
	count(definer_search_path.deny) == 0 with input as {"after": {"functions": [{
		"object": "public.f()",
		"security_definer": true,
		"config": ["search_path=pg_catalog"],
	}]}}
}
