package library.types.numeric_money_test

import data.library.types.numeric_money

test_speaks if {
	count(numeric_money.deny) == 1 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "price",
			"object": "public.t.c",
			"type": "double precision",
			"base_type": "double precision", "underlying_type": "double precision",
		}],
	}]}}
		with input.params.TY105 as {"names": "(^|_)(amount|price|cost|fee|total|balance|tax|salary)($|_)"}
}

test_silent if {
	count(numeric_money.deny) == 0 with input as {"after": {"tables": [{
		"object": "public.t",
		"partition_of": "",
		"persistence": "permanent",
		"columns": [{
			"name": "price",
			"object": "public.t.c",
			"type": "numeric",
			"base_type": "numeric", "underlying_type": "numeric",
		}],
	}]}}
		with input.params.TY105 as {"names": "(^|_)(amount|price|cost|fee|total|balance|tax|salary)($|_)"}
}
