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

test_speaks_of_writes_and_keys if {
	count(protected_tables.deny) == 2 with input as {
		"changes": [],
		"after": {"constraints": [{"kind": "foreign key", "object": "public.o.k", "table": "public.o", "references": {"table": "public.users"}}]},
		"added": ["public.o.k"],
		"writes": [{"table": "public.users", "kind": "delete", "location": {}}],
		"context": {"labels": []},
	}
		with input.params.CC101 as {"tables": ["public.users"], "label": "protected-ok"}
}
