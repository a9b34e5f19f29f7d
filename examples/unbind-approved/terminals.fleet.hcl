# An unbind closes a card's account for good. Nothing runs one without a
# person's approval of exactly that card and that device: not -auto-approve, not
# a saved plan, not a card that is gone from the configuration.

provider "aliyun" {
  endpoint = "simulator"
}

card "terminal" {
  for_each = {
    "89860617030017300008" = "861536030196019"
    "89860617030017300016" = "861536030196027"
    "89860617030017300024" = "861536030196035"
  }

  iccid = each.key
  imei  = each.value
}
