package library.types.identity_test

import data.library.types.identity

test_speaks if {
	count(identity.deny) == 1 with input as {"after": {
		"tables": [{
			"object": "public.t",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "c",
				"object": "public.t.c",
				"type": "bigint",
				"base_type": "bigint", "underlying_type": "bigint",
				"identity": "",
				"default": "nextval('t_c_seq'::regclass)",
			}],
		}],
		"sequences": [{"owned_by": "public.t.c"}],
	}}
}

test_silent if {
	count(identity.deny) == 0 with input as {"after": {
		"tables": [{
			"object": "public.t",
			"partition_of": "",
			"persistence": "permanent",
			"columns": [{
				"name": "c",
				"object": "public.t.c",
				"type": "bigint",
				"base_type": "bigint", "underlying_type": "bigint",
				"identity": "always",
				"default": "",
			}],
		}],
		"sequences": [{"owned_by": "public.t.c"}],
	}}
}
