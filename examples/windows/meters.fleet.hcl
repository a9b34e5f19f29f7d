# A meter that is stopped, or that gets another device, is off the network for a
# while, so that is done by night alone. What else is planned is done at any time.

fleet {
  zone = "Asia/Shanghai"

  window "night" {
    kinds  = ["stop", "change-bind"]
    cron   = "0 1 * * *" # minute, hour, day of the month, month, day of the week
    length = "4h"
  }
}

provider "aliyun" {
  endpoint            = "simulator"
  requests_per_second = 20
}

card "meter" {
  from_csv = "meters.csv"

  iccid  = each.value.iccid
  active = each.value.active
}
