package library.rls.every_command_test

import data.library.rls.every_command

test_speaks if {
	count(every_command.deny) == 1 with input as {"after": {"tables": [{
		"object": "api.t",
		"name": "t",
		"schema": "api",
		"partition_of": "",
		"persistence": "permanent",
		"row_security": true,
		"policies": [
			{"command": "select", "permissive": true},
			{"command": "insert", "permissive": true},
			{"command": "update", "permissive": true},
		],
	}]}}
		with input.params.RL102 as {"schemas": ["api"], "commands": ["select", "insert", "update", "delete"]}
}

test_silent if {
	count(every_command.deny) == 0 with input as {"after": {"tables": [{
		"object": "api.t",
		"name": "t",
		"schema": "api",
		"partition_of": "",
		"persistence": "permanent",
		"row_security": true,
		"policies": [{"command": "all", "permissive": true}],
	}]}}
		with input.params.RL102 as {"schemas": ["api"], "commands": ["select", "insert", "update", "delete"]}
}
