# An unbind closes a card's account for good, and on a Friday nobody is there on
# the next day who could say that it was a mistake. The day is the plan's own, in
# the fleet's zone: fleet { zone = … }, else UTC.
package main

import rego.v1

zone := object.get(input, "zone", "UTC")

weekday := time.weekday([time.parse_rfc3339_ns(input.timestamp), zone])

deny contains msg if {
	weekday == "Friday"
	some card in input.cards
	some action in card.actions
	action.kind == "unbind"
	msg := sprintf("%s: unbind from %s in a plan of a Friday (%s, %s); plan and apply it on another day", [card.address, object.get(action, "from", "its device"), input.timestamp, zone])
}

# What can't be read is no reason to let an unbind pass.
deny contains msg if {
	not weekday
	some card in input.cards
	some action in card.actions
	action.kind == "unbind"
	msg := sprintf("%s: unbind, and the day of the plan is unknown: timestamp %v, zone %v", [card.address, object.get(input, "timestamp", "missing"), zone])
}
