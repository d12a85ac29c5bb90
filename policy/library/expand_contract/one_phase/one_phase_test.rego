package library.expand_contract.one_phase_test

import data.library.expand_contract.one_phase

test_speaks if {
	count(one_phase.deny) == 1 with input as {
		"changes": [
			{
				"type": "drop_column",
				"table": "public.t",
				"object": "public.t.a",
				"name": "a",
				"location": {},
			},
			{
				"type": "add_column",
				"table": "public.t",
				"object": "public.t.b",
				"name": "b",
				"location": {},
			},
		],
		"before": {"tables": [], "columns": [{"object": "public.t.a"}]},
	}
}

test_silent if {
	count(one_phase.deny) == 0 with input as {
		"changes": [
			{
				"type": "drop_column",
				"table": "public.t",
				"object": "public.t.a",
				"name": "a",
				"location": {},
			},
			{
				"type": "add_column",
				"table": "public.u",
				"object": "public.u.b",
				"name": "b",
				"location": {},
			},
		],
		"before": {"tables": [], "columns": [{"object": "public.t.a"}]},
	}
}
