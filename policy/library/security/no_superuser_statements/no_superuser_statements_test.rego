package library.security.no_superuser_statements_test

import data.library.security.no_superuser_statements

test_speaks if {
	count(no_superuser_statements.deny) == 1 with input as {"statements": [{
		"tag": "ALTER SYSTEM",
		"text": "ALTER SYSTEM SET work_mem = '1GB'",
		"location": {},
		"changes": [],
		"dropped": [],
		"rewrites": [],
		"scans": [],
		"locks": [],
		"held": [],
	}]}
}

test_silent if {
	count(no_superuser_statements.deny) == 0 with input as {"statements": [{
		"tag": "SELECT",
		"text": "SELECT 1",
		"location": {},
		"changes": [],
		"dropped": [],
		"rewrites": [],
		"scans": [],
		"locks": [],
		"held": [],
	}]}
}
