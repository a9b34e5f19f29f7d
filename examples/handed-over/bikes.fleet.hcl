# Four bikes whose list came from a carrier's portal. `cardfleet table` makes bikes.csv of it.
provider "aliyun" {
  endpoint = "simulator"
}

card "bike" {
  from_csv = "bikes.csv"

  iccid  = each.value.iccid
  imei   = each.value.imei
  labels = { city = each.value["城市"] }
}
