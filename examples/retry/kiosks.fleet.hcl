# One call fails, and what needs it is dropped. The report says so, and -retry
# plans those cards anew, and no others.

provider "aliyun" {
  endpoint = "simulator"
}

# The entrance takes the device of the lobby, which gets a new one.
card "entrance" {
  iccid        = "89860617030017300008"
  imei         = "861536030196027"
  current_imei = "861536030196019"
}

card "lobby" {
  iccid        = "89860617030017300016"
  imei         = "861536030196035"
  current_imei = "861536030196027"
}

card "terrace" {
  iccid  = "89860617030017300024"
  active = false
}
