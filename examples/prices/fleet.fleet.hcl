# What a plan adds and saves a month is said where package blocks give prices.

provider "aliyun" {
  endpoint = "simulator"
}

provider "soracom" {
  endpoint = "simulator"
}

card "bike" {
  for_each = { for row in csvdecode(file("bikes.csv")) : row.iccid => row }

  provider = aliyun
  iccid    = each.value.iccid
  imei     = each.value.imei
  packages = split(" ", each.value.packages)
  labels   = { city = each.value.city }
}

card "router" {
  provider = soracom
  iccid    = "8942310000000000018"
  packages = ["s1.fast"]
  labels   = { city = "ningbo" }
}

package "10002" {
  price    = 3.50
  currency = "CNY"
  per      = "month"
}

# Ids are a provider's own, so a price may be of one provider alone. What is paid
# in another period counts by the month.
package "10003" {
  provider = aliyun
  price    = 120
  currency = "CNY"
  per      = "year"
}

package "s1.fast" {
  provider = soracom
  price    = 0.06
  currency = "USD"
  per      = "day"
}
