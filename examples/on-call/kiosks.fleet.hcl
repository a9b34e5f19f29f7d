# Four kiosks whose cards are in service. script.txtar has what whoever is on call
# sees when something goes wrong at three in the morning, and what to do about it.

fleet {
  policy {
    limit "stop" { count = 4 }
  }
}

provider "aliyun" {
  endpoint            = "simulator"
  requests_per_second = 50
}

locals {
  open = true # false closes the kiosks for the winter
}

card "garage" {
  iccid  = "89860617030017300008"
  active = local.open
}

card "lobby" {
  iccid  = "89860617030017300016"
  active = local.open
}

card "pier" {
  iccid  = "89860617030017300024"
  active = local.open
}

card "terrace" {
  iccid  = "89860617030017300032"
  active = local.open
}
