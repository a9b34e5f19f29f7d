# Unbinds that need two people's signatures. allowed_signers is OpenSSH's own
# format; with it, approval blocks and -approve-unbind count for nothing.

fleet {
  policy {
    allowed_signers    = "allowed_signers"
    required_approvals = 2
  }
}

provider "aliyun" {
  endpoint = "simulator"
}

card "terminal" {
  for_each = {
    "89860617030017300008" = "861536030196019"
    "89860617030017300016" = "861536030196027"
  }

  iccid = each.key
  imei  = each.value
}
