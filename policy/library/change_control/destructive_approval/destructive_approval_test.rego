package library.change_control.destructive_approval_test

import data.library.change_control.destructive_approval

test_speaks if {
	count(destructive_approval.require_approval) == 1 with input as {
		"statements": [{
			"tag": "DROP TABLE",
			"text": "",
			"location": {},
			"changes": [],
			"dropped": [{
				"kind": "table",
				"object": "public.a",
				"named": true,
				"location": {},
			}],
			"rewrites": [],
			"scans": [],
			"locks": [{"new": false}],
			"held": [],
		}],
		"owners": [],
		"context": {"labels": []},
	}
		with input.params.CC104 as {"label": "destructive-ok", "team": "dba"}
}

test_silent if {
	count(destructive_approval.require_approval) == 0 with input as {
		"statements": [{
			"tag": "DROP TABLE",
			"text": "",
			"location": {},
			"changes": [],
			"dropped": [{
				"kind": "table",
				"object": "public.a",
				"named": true,
				"location": {},
			}],
			"rewrites": [],
			"scans": [],
			"locks": [{"new": false}],
			"held": [],
		}],
		"owners": [],
		"context": {"labels": ["destructive-ok"]},
	}
		with input.params.CC104 as {"label": "destructive-ok", "team": "dba"}
}
