# Cards that swap devices. A device is released before another card takes it. A
# circle of swaps has no place to begin: this carrier lets no two cards have one
# IMEI, even for a moment, so one of them goes by way of a spare IMEI.

provider "aliyun" {
  endpoint       = "simulator"
  exclusive_imei = true
  parking_imeis  = ["861536030199994"]
}

locals {
  devices = {
    "89860617030017300008" = "861536030196019"
    "89860617030017300016" = "861536030196027"
    "89860617030017300024" = "861536030196035"
  }
}

card "scooter" {
  for_each = local.devices

  iccid = each.key
  imei  = each.value
}
