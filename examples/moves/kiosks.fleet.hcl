# A card is its ICCID, at whatever provider block and in whichever spelling. What
# the state remembers of it goes along, and on_remove has nothing to do with it.

fleet {
  policy { on_remove = "unbind" }
}

provider "aliyun" {
  alias         = "north"
  endpoint      = "simulator"
  access_key_id = "account-1"
}

card "lobby" {
  provider = aliyun.north
  iccid    = "89860617030017300008"
  imei     = "861536030196019"
}

card "cellar" {
  provider = aliyun.north
  iccid    = "89860617030017300024"
  imei     = "861536030196035"
}
