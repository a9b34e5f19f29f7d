package main_test

import rego.v1

import data.main

acted(action) := {
	"timestamp": "2026-11-25T12:00:00Z",
	"cards": [{"address": "card.one", "actions": [action]}],
}

test_a_package_of_the_list_passes if {
	every package_id in main.packages {
		count(main.deny) == 0 with input as acted({"kind": "subscribe", "to": package_id})
	}
}

test_another_package_is_denied_and_names_the_card if {
	main.deny == {"card.one: subscribe to package 99999, which is not in the list: 10001, 10002"} with input as acted({"kind": "subscribe", "to": "99999"})
}

test_the_end_of_a_package_passes if {
	count(main.deny) == 0 with input as acted({"kind": "unsubscribe", "from": "99999"})
}
