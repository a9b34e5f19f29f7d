package main_test

import rego.v1

import data.main

# n cards of a city that are stopped.
stopped(city, n) := {
	"timestamp": "2026-11-25T12:00:00Z",
	"cards": [card |
		some i in numbers.range(1, n)
		card := {
			"address": sprintf("card.bike[%d]", [i]),
			"labels": {"city": city},
			"actions": [{"kind": "stop"}],
		}
	],
}

sizes := {"value": {"hangzhou": 100, "ningbo": 10, "": 20}}

test_five_percent_of_a_city_pass if {
	count(main.deny) == 0 with input as stopped("hangzhou", 5) with data.cities as sizes
	count(main.deny) == 0 with input as stopped("", 1) with data.cities as sizes
}

test_more_are_denied_and_the_cards_named if {
	main.deny == {"ningbo: 1 of 10 cards would be stopped, more than 5%: card.bike[1]"} with input as stopped("ningbo", 1)
		with data.cities as sizes
}

test_many_cards_are_named_in_part if {
	main.deny == {"hangzhou: 7 of 100 cards would be stopped, more than 5%: card.bike[1], card.bike[2], card.bike[3], card.bike[4], card.bike[5] and 2 more"} with input as stopped("hangzhou", 7)
		with data.cities as sizes
}

test_a_city_that_nobody_counted_is_denied if {
	every said in [{"value": {"ningbo": 10}}, {"value": {"hangzhou": "many"}}] {
		some msg in main.deny with input as stopped("hangzhou", 1) with data.cities as said
		contains(msg, "the output cities doesn't say of how many cards: card.bike[1]")
	}
}

test_stops_without_the_outputs_are_denied if {
	count(main.deny) == 1 with input as stopped("hangzhou", 1)
}

test_cards_without_a_city_are_one_city if {
	plan := {"timestamp": "2026-11-25T12:00:00Z", "cards": [
		{"address": "card.one", "actions": [{"kind": "stop"}]},
		{"address": "card.two", "labels": {"city": ""}, "actions": [{"kind": "stop"}]},
	]}
	main.deny == {"no city: 2 of 20 cards would be stopped, more than 5%: card.one, card.two"} with input as plan
		with data.cities as sizes
}
