package library.expand_contract.no_code_with_breaking_test

import data.library.expand_contract.no_code_with_breaking

test_speaks if {
	count(no_code_with_breaking.deny) == 1 with input as {
		"changes": [{
			"type": "drop_column",
			"table": "public.t",
			"object": "public.t.a",
			"text": "drop column public.t.a",
			"location": {},
		}],
		"context": {"changed_files": ["app/main.go"]},
		"before": {"tables": [{"object": "public.t"}], "views": []},
	}
		with input.params.EC101 as {"code": [
			"*.go",
			"*.py",
			"*.rb",
			"*.ts",
			"*.js",
			"*.java",
			"*.kt",
			"*.cs",
			"*.php",
			"*.rs",
		]}
}

test_silent if {
	count(no_code_with_breaking.deny) == 0 with input as {
		"changes": [{
			"type": "drop_column",
			"table": "public.t",
			"object": "public.t.a",
			"text": "drop column public.t.a",
			"location": {},
		}],
		"context": {"changed_files": ["db/1.sql"]},
		"before": {"tables": [{"object": "public.t"}], "views": []},
	}
		with input.params.EC101 as {"code": [
			"*.go",
			"*.py",
			"*.rb",
			"*.ts",
			"*.js",
			"*.java",
			"*.kt",
			"*.cs",
			"*.php",
			"*.rs",
		]}
}
