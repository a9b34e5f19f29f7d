# What ought to hold of the fleet. The first check tells people, the second one
# keeps a plan from being carried out.

provider "aliyun" {
  endpoint = "simulator"
}

card "bike" {
  from_csv = "bikes.csv"

  iccid  = each.value.iccid
  active = each.value.active
  labels = { city = each.value.city }
}

check "every bike has a city" {
  condition     = length([for c in card.bike : c if c.labels.city == ""]) == 0
  error_message = "${join(", ", [for c in card.bike : c.iccid if c.labels.city == ""])}: no city"
}

check "at least 2 bikes stay in service" {
  condition     = length([for c in card.bike : c if c.active]) >= 2
  error_message = "only ${length([for c in card.bike : c if c.active])} of ${length(card.bike)} would be in service"
  severity      = "error"
}
