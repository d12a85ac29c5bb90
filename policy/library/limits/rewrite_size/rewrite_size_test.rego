package library.limits.rewrite_size_test

import data.library.limits.rewrite_size

test_speaks if {
	count(rewrite_size.deny) == 1 with input as {
		"evidence": {"rewrites": [{"kind": "table", "table": "public.t", "location": {}}]},
		"stats": {"tables": [{"object": "public.t", "bytes": 20000000000}]},
	}
		with input.params.LM105 as {"max_bytes": 10000000000}
}

test_silent if {
	count(rewrite_size.deny) == 0 with input as {
		"evidence": {"rewrites": [{"kind": "table", "table": "public.t", "location": {}}]},
		"stats": {"tables": [{"object": "public.t", "bytes": 20}]},
	}
		with input.params.LM105 as {"max_bytes": 10000000000}
}
