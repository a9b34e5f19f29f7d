# Every mistake of a configuration is shown at once, in the order of the source:
# run cardfleet validate here.

provider "aliyun" {
  endpoint = "simulator"
  retires  = 3
}

card "kiosk" {
  iccid = "898606170300173003"
  imei  = "861536030196019"
}

card "entrance" {
  iccid = "89860617030017300016"
  imei  = ""
}

card "lobby" {
  iccid = "89860617030017300008"
  imei  = "861536030196027"
}

card "garage" {
  iccid = "898600d6991330004146" # hex letters are fine, and lower case is folded up
  imei  = "86153603019602"       # but this is the lobby's device
}

card "cellar" {
  iccid = "89860617030017300008" # and this is the lobby's card
  actve = true
}

card "terrace" {
  provider = aliyum
  iccid    = var.terrace_iccid
}

card "bike" {
  from_csv = "bikes.csv"

  iccid = each.value.iccid
  imei  = each.value.imei
}

crad "spare" {
  iccid = "89860617030017300032"
}
