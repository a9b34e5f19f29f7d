# Three ways for a card to leave: by on_remove, by a removed block, and not at all
# where prevent_unbind protects it, which outlives the block that says it.

fleet {
  policy { on_remove = "unbind" }
}

provider "aliyun" {
  endpoint = "simulator"
}

card "lobby" {
  iccid = "89860617030017300008"
  imei  = "861536030196019"

  lifecycle {
    prevent_unbind = true
  }
}

card "garage" {
  iccid = "89860617030017300016"
  imei  = "861536030196027"
}

card "cellar" {
  iccid = "89860617030017300024"
  imei  = "861536030196035"
}
