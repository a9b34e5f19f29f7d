package main_test

import rego.v1

import data.main

unbound(timestamp) := {
	"timestamp": timestamp,
	"cards": [{
		"address": `card.bike["89860617030017300008"]`,
		"actions": [{"kind": "unbind", "from": "861536030196019"}],
	}],
}

test_an_unbind_on_a_friday_is_denied_and_names_the_card if {
	some msg in main.deny with input as unbound("2026-11-27T12:00:00Z")
	startswith(msg, `card.bike["89860617030017300008"]: unbind from 861536030196019 in a plan of a Friday`)
}

test_an_unbind_on_another_day_passes if {
	count(main.deny) == 0 with input as unbound("2026-11-26T12:00:00Z")
	count(main.deny) == 0 with input as unbound("2026-11-28T12:00:00.123456789Z")
}

# 23:30 of a Thursday in UTC is 7:30 of the Friday in Shanghai.
test_the_day_is_that_of_the_fleets_zone if {
	plan := unbound("2026-11-26T23:30:00Z")
	count(main.deny) == 0 with input as plan
	count(main.deny) == 1 with input as object.union(plan, {"zone": "Asia/Shanghai"})
}

test_friday_in_utc_is_saturday_in_shanghai if {
	plan := unbound("2026-11-27T23:30:00Z")
	count(main.deny) == 1 with input as plan
	count(main.deny) == 0 with input as object.union(plan, {"zone": "Asia/Shanghai"})
}

test_an_unbind_of_an_unknown_day_is_denied if {
	some msg in main.deny with input as object.remove(unbound(""), ["timestamp"])
	contains(msg, "the day of the plan is unknown")
	count(main.deny) == 1 with input as object.union(unbound("2026-11-26T12:00:00Z"), {"zone": "Nowhere/Land"})
}

test_other_actions_on_a_friday_pass if {
	plan := {"timestamp": "2026-11-27T12:00:00Z", "cards": [{"address": "card.one", "actions": [{"kind": "resume"}]}]}
	count(main.deny) == 0 with input as plan
}
