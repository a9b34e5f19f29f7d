# A fleet whose changes are reviewed in merge requests. Times are told in the
# zone of those who read them, besides UTC.

fleet {
  zone = "Asia/Shanghai"

  policy {
    on_remove = "unbind"

    limit "remove" { count = 5 }
  }
}

provider "aliyun" {
  endpoint = "simulator"
}

card "bike" {
  from_csv = "bikes.csv"

  iccid  = each.value.iccid
  imei   = each.value.imei
  active = each.value.active
  labels = { city = each.value.city }
}
