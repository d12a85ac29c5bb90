package library.change_control.freeze_test

import data.library.change_control.freeze

test_speaks if {
	count(freeze.deny) == 1 with input as {"statements": [{}], "context": {"labels": []}}
		with input.params.CC102 as {"windows": [["1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z"]], "label": "urgent"}
}

test_silent if {
	count(freeze.deny) == 0 with input as {"statements": [{}], "context": {"labels": ["urgent"]}}
		with input.params.CC102 as {"windows": [["1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z"]], "label": "urgent"}
}
