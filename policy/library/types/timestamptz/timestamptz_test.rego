package library.types.timestamptz_test

import data.library.types.timestamptz

test_speaks if {
	count(timestamptz.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "c",
			"object": "public.t.c",
			"type": "timestamp without time zone",
			"base_type": "timestamp without time zone", "underlying_type": "timestamp without time zone",
		}],
	}]}}
}

test_silent if {
	count(timestamptz.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "c",
			"object": "public.t.c",
			"type": "timestamp with time zone",
			"base_type": "timestamp with time zone", "underlying_type": "timestamp with time zone",
		}],
	}]}}
}
