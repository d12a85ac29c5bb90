package library.change_control.one_risky_table_test

import data.library.change_control.one_risky_table

test_speaks if {
	count(one_risky_table.deny) == 1 with input as {
		"statements": [], "before": {"tables": [{"object": "public.a", "partition_of": ""}, {"object": "public.b", "partition_of": ""}]},
		"changes": [
			{"type": "drop_table", "table": "public.a"},
			{"type": "drop_table", "table": "public.b"},
		],
	}
		with input.params.CC103 as {"max": 1}
}

test_silent if {
	count(one_risky_table.deny) == 0 with input as {"statements": [], "before": {"tables": [{"object": "public.a", "partition_of": ""}, {"object": "public.b", "partition_of": ""}]}, "changes": [{"type": "drop_table", "table": "public.a"}]}
		with input.params.CC103 as {"max": 1}
}
