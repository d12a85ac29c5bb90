package library.security.no_grant_option_test

import data.library.security.no_grant_option

test_speaks if {
	count(no_grant_option.deny) == 1 with input as {"after": {"grants": [{
		"object": "public.t",
		"grantee": "app",
		"privilege": "SELECT",
		"grantable": true,
	}]}}
}

test_silent if {
	count(no_grant_option.deny) == 0 with input as {"after": {"grants": [{
		"object": "public.t",
		"grantee": "app",
		"privilege": "SELECT",
		"grantable": false,
	}]}}
}
