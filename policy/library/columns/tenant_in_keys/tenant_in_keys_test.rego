package library.columns.tenant_in_keys_test

import data.library.columns.tenant_in_keys

test_speaks if {
	count(tenant_in_keys.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "tenant_id",
			"object": "public.t.tenant_id",
			"type": "bigint",
			"base_type": "bigint",
		}],
		"constraints": [{
			"kind": "unique",
			"name": "u",
			"object": "public.t.u",
			"columns": ["a"],
			"inherited": false,
		}],
	}]}}
		with input.params.CL103 as {"column": "tenant_id"}
}

test_silent if {
	count(tenant_in_keys.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"name": "t",
		"schema": "public",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "tenant_id",
			"object": "public.t.tenant_id",
			"type": "bigint",
			"base_type": "bigint",
		}],
		"constraints": [{
			"kind": "unique",
			"name": "u",
			"object": "public.t.u",
			"columns": ["tenant_id", "a"],
			"inherited": false,
		}],
	}]}}
		with input.params.CL103 as {"column": "tenant_id"}
}

_table(indexes, constraints) := {
	"object": "public.t",
	"partition_of": "",
	"persistence": "permanent",
	"columns": [{"name": "tenant_id"}],
	"constraints": constraints,
	"indexes": indexes,
}

test_speaks_of_index if {
	index := {"name": "i", "object": "public.i", "unique": true, "constraint": false, "inherited": false, "columns": ["a"]}
	count(tenant_in_keys.deny) == 1 with input as {"after": {"tables": [_table([index], [])]}} with input.params.CL103 as {"column": "tenant_id"}
}

test_silent_for_shared_table if {
	key := {"kind": "foreign key", "name": "k", "object": "public.t.k", "inherited": false, "columns": ["a"], "references": {"table": "public.countries"}}
	count(tenant_in_keys.deny) == 0 with input as {"after": {"tables": [_table([], [key])]}} with input.params.CL103 as {"column": "tenant_id"}
}
