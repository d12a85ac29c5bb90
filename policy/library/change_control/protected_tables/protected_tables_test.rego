package library.change_control.protected_tables_test

import data.library.change_control.protected_tables

test_speaks if {
	count(protected_tables.deny) == 1 with input as {
		"changes": [{"table": "public.users", "object": "public.users.a", "location": {}}],
		"after": {"constraints": []},
		"writes": [],
		"context": {"labels": []},
	}
		with input.params.CC101 as {"tables": ["public.users"], "label": "protected-ok"}
}

test_silent if {
	count(protected_tables.deny) == 0 with input as {
		"changes": [{"table": "public.users", "object": "public.users.a", "location": {}}],
		"after": {"constraints": []},
		"writes": [],
		"context": {"labels": ["protected-ok"]},
	}
		with input.params.CC101 as {"tables": ["public.users"], "label": "protected-ok"}
}
