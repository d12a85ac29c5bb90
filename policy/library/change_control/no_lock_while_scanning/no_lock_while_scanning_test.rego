package library.change_control.no_lock_while_scanning_test

import data.library.change_control.no_lock_while_scanning

test_speaks if {
	count(no_lock_while_scanning.deny) == 1 with input as {
		"statements": [{
			"tag": "UPDATE",
			"text": "",
			"location": {},
			"changes": [],
			"dropped": [],
			"rewrites": [],
			"scans": [{"object": "public.orders", "new": false}],
			"locks": [],
			"held": [{
				"mode": "ACCESS EXCLUSIVE",
				"new": false,
				"table": "public.payments",
			}],
		}],
		"owners": [{"pattern": "public.pay*", "team": "payments"}],
	}
		with input.params.CC105 as {"teams": ["payments"]}
}

test_silent if {
	count(no_lock_while_scanning.deny) == 0 with input as {
		"statements": [{
			"tag": "UPDATE",
			"text": "",
			"location": {},
			"changes": [],
			"dropped": [],
			"rewrites": [],
			"scans": [{"object": "public.orders", "new": false}],
			"locks": [],
			"held": [{
				"mode": "SHARE",
				"new": false,
				"table": "public.payments",
			}],
		}],
		"owners": [{"pattern": "public.pay*", "team": "payments"}],
	}
		with input.params.CC105 as {"teams": ["payments"]}
}
