# Cards subscribe to packages of this list alone: who wants another one writes it
# here, and whoever owns this file reviews it.
package main

import rego.v1

packages := {
	"10001",
	"10002",
}

deny contains msg if {
	some card in input.cards
	some action in card.actions
	action.kind == "subscribe"
	not action.to in packages
	msg := sprintf("%s: subscribe to package %s, which is not in the list: %s", [card.address, action.to, concat(", ", sort(packages))])
}
