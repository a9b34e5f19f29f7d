# Terminals at customers. Their history outlives them: who unbound a card, who
# approved it and why can be told when nothing else is left of it.

fleet {
  history { keep = "1095d" } # three years, as the contract has it
}

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
