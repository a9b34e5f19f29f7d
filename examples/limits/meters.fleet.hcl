# What may pass by accident is limited: a plan that goes beyond a limit is shown
# in full, and refused by apply. Stops of more than 30% of a fleet of 10 cards or
# more, and a configuration that lost more than 30% of its cards, are refused
# without being asked for.

fleet {
  policy {
    on_remove = "stop"

    limit "any" { count = 8 }
    limit "subscribe" {
      provider = aliyun
      percent  = 50
    }
  }
}

provider "aliyun" {
  endpoint = "simulator"
}

card "meter" {
  from_csv = "meters.csv"

  iccid  = each.value.iccid
  active = each.value.active
}
