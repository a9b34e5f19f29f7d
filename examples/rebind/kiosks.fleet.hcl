# Devices move between cards. A device is released before another card takes
# it, so a chain runs in order; two cards that swap do so one after the other.

provider "aliyun" {
  endpoint = "simulator"
}

locals {
  # card → device. Change a line, and the binding follows.
  devices = {
    "89860617030017300008" = "861536030196019"
    "89860617030017300016" = "861536030196027"
    "89860617030017300024" = "861536030196035"
    "89860617030017300032" = "861536030196043"
  }
}

card "kiosk" {
  for_each = local.devices

  iccid  = each.key
  imei   = each.value
  active = true
}
