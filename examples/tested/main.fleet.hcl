# A fleet at the real carrier. cardfleet test tries it without it, and without a key.

variable "season" {
  type    = string
  default = "summer"
}

provider "aliyun" {
  access_key_secret = env("BIKES_KEY_SECRET")
}

# In winter nobody rents a bike.
card "bike" {
  from_csv = "bikes.csv"

  iccid  = each.value.iccid
  imei   = each.value.imei
  active = var.season == "winter" ? false : each.value.active
  labels = { city = each.value.city }
}

check "somebody can rent a bike" {
  condition     = length([for c in card.bike : c if c.active]) > 0
  error_message = "no bike would be in service in ${var.season}"
}

output "in_service" {
  value = [for c in card.bike : c.iccid if c.live.active]
}
