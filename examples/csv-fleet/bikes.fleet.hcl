# A fleet from a table: one card a row, read as a stream, for fleets of any size.
# each.key is the row's iccid column, each.value the row as strings.

provider "aliyun" {
  endpoint = "simulator"
}

card "bike" {
  from_csv = "bikes.csv"

  iccid    = each.value.iccid
  imei     = each.value.imei
  active   = each.value.active
  packages = ["10002"]
  labels   = { city = each.value.city }

  lifecycle {
    prevent_unbind = true
  }
}
