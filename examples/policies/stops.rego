# At most so many percent of a city's cards are stopped by one plan. A plan lists
# only cards that it changes, so how many cards a city has comes from an output of
# the configuration, which `cardfleet output -json > outputs.json` writes:
#
#   output "cities" {
#     value = { for city, cards in { for c in card.bike : c.labels.city => c.iccid... } : city => length(cards) }
#   }
package main

import rego.v1

percent_of_a_city := 5

# The addresses of the cards that are stopped, by city.
stops[city] contains card.address if {
	some card in input.cards
	some action in card.actions
	action.kind == "stop"
	city := object.get(card, ["labels", "city"], "")
}

# Cards without a city are counted as if they were of one city.
named(city) := city if city != ""

named("") := "no city"

named_cards(addresses) := concat(", ", sort(addresses)) if count(addresses) <= 5

named_cards(addresses) := sprintf("%s and %d more", [concat(", ", array.slice(sort(addresses), 0, 5)), count(addresses) - 5]) if count(addresses) > 5

deny contains msg if {
	some city, addresses in stops
	cards := data.cities.value[city]
	count(addresses) * 100 > cards * percent_of_a_city
	msg := sprintf("%s: %d of %d cards would be stopped, more than %d%%: %s", [named(city), count(addresses), cards, percent_of_a_city, named_cards(addresses)])
}

counted(city) if is_number(data.cities.value[city])

# Of a city whose cards nobody counted, none may be stopped.
deny contains msg if {
	some city, addresses in stops
	not counted(city)
	msg := sprintf("%s: %d would be stopped, and the output cities doesn't say of how many cards: %s", [named(city), count(addresses), named_cards(addresses)])
}
