package library.security.allowed_extensions_test

import data.library.security.allowed_extensions

test_speaks if {
	count(allowed_extensions.deny) == 1 with input as {
		"after": {"extensions": [{"name": "file_fdw", "object": "file_fdw"}]},
		"added": ["file_fdw"],
	}
		with input.params.SP104 as {"extensions": [
			"btree_gin",
			"btree_gist",
			"citext",
			"hstore",
			"ltree",
			"pg_stat_statements",
			"pg_trgm",
			"pgcrypto",
			"plpgsql",
			"postgis",
			"unaccent",
			"uuid-ossp",
			"vector",
		]}
}

test_silent if {
	count(allowed_extensions.deny) == 0 with input as {"after": {"extensions": [{"name": "pg_trgm", "object": "pg_trgm"}]}, "added": ["pg_trgm"]}
		with input.params.SP104 as {"extensions": [
			"btree_gin",
			"btree_gist",
			"citext",
			"hstore",
			"ltree",
			"pg_stat_statements",
			"pg_trgm",
			"pgcrypto",
			"plpgsql",
			"postgis",
			"unaccent",
			"uuid-ossp",
			"vector",
		]}
}
