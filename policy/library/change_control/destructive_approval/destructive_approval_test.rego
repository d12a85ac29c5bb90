package library.change_control.destructive_approval_test

import data.library.change_control.destructive_approval

_params := {"label": "destructive-ok", "team": "dba"}

_input := {
	"before": {"tables": [{"object": "public.a", "partition_of": ""}], "columns": [], "views": []},
	"after": {"tables": []},
	"evidence": {"dropped": [{"kind": "table", "object": "public.a", "location": {}}], "rows": []},
	"writes": [{"kind": "truncate", "table": "public.a", "location": {}}],
	"owners": [],
	"context": {"labels": []},
}

test_speaks if {
	count(destructive_approval.require_approval) == 2 with input as _input with input.params.CC104 as _params
}

test_owner if {
	some r in destructive_approval.require_approval with input as object.union(_input, {"owners": [{"pattern": "*", "teams": ["x"], "users": []}]})
		with input.params.CC104 as _params
	r.teams == ["x"]
}

test_silent if {
	count(destructive_approval.require_approval) == 0 with input as object.union(_input, {"context": {"labels": ["destructive-ok"]}})
		with input.params.CC104 as _params
}

test_speaks_of_rows if {
	count(destructive_approval.require_approval) == 1 with input as object.union(_input, {
		"evidence": {"dropped": [], "rows": [{"object": "public.a", "deleted": 3, "location": {}}]},
		"writes": [{"kind": "delete", "table": "public.a", "location": {}}],
	})
		with input.params.CC104 as _params
}
