package library.expand_contract.deprecate_first_test

import data.library.expand_contract.deprecate_first

test_speaks if {
	count(deprecate_first.deny) == 1 with input as {
		"changes": [{"type": "drop_column", "object": "public.t.a", "location": {}}],
		"before": {"columns": [{"object": "public.t.a", "comment": ""}]},
	}
		with input.params.EC102 as {"mark": "^deprecated"}
}

test_silent if {
	count(deprecate_first.deny) == 0 with input as {
		"changes": [{"type": "drop_column", "object": "public.t.a", "location": {}}],
		"before": {"columns": [{"object": "public.t.a", "comment": "deprecated: use b"}]},
	}
		with input.params.EC102 as {"mark": "^deprecated"}
}
