package library.expand_contract.deprecate_first_test

import data.library.expand_contract.deprecate_first

test_speaks if {
	count(deprecate_first.deny) == 1 with input as {
		"changes": [{"type": "drop_column", "object": "public.t.a", "table": "public.t", "location": {}}],
		"before": {"tables": [], "columns": [{"object": "public.t.a", "comment": ""}]},
	}
		with input.params.EC102 as {"mark": "^deprecated"}
}

test_silent if {
	count(deprecate_first.deny) == 0 with input as {
		"changes": [{"type": "drop_column", "object": "public.t.a", "table": "public.t", "location": {}}],
		"before": {"tables": [], "columns": [{"object": "public.t.a", "comment": "deprecated: use b"}]},
	}
		with input.params.EC102 as {"mark": "^deprecated"}
}

test_speaks_of_table if {
	count(deprecate_first.deny) == 1 with input as {
		"changes": [{"type": "drop_table", "table": "public.t", "object": "public.t", "location": {}}],
		"before": {"columns": [], "tables": [{"object": "public.t", "partition_of": "", "comment": ""}]},
	}
		with input.params.EC102 as {"mark": "^deprecated"}
}
