package library.security.extension_schema_test

import data.library.security.extension_schema

test_speaks if {
	count(extension_schema.deny) == 1 with input as {
		"after": {"extensions": [{"name": "pg_trgm", "object": "pg_trgm", "schema": "public"}]},
		"added": ["pg_trgm"],
	}
}

test_silent if {
	count(extension_schema.deny) == 0 with input as {
		"after": {"extensions": [{
			"name": "pg_trgm",
			"object": "pg_trgm",
			"schema": "extensions",
		}]},
		"added": ["pg_trgm"],
	}
}
