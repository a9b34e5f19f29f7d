# Six cards of a small kiosk fleet, against the simulated carrier. simulator.json
# is how the carrier's side looks before the first run; from then on its fleet is
# kept beside the state.

fleet {
  policy {
    limit "unbind" { count = 1 }
  }
}

provider "aliyun" {
  endpoint = "simulator" # leave it out to reach Alibaba Cloud itself
}

locals {
  plan = "10002" # the package that every kiosk needs
}

# In service already: only adopted.
card "lobby" {
  iccid    = "89860617030017300008"
  imei     = "861536030196019"
  active   = true
  packages = [local.plan]
}

# Got a new device last week: its binding follows.
card "entrance" {
  iccid        = "89860617030017300016"
  imei         = "861536030196027"
  current_imei = "861536030196001" # the carrier can't report it; needed once
  active       = true
  packages     = [local.plan]
}

# Was stopped for the winter.
card "terrace" {
  iccid  = "89860617030017300024"
  active = true
}

# Its package is missing.
card "garage" {
  iccid    = "898600D6991330004146" # China Mobile's ICCIDs hold letters
  packages = [local.plan]
}

# Spare cards stay out of service.
card "spare" {
  for_each = toset(["89860617030017300032", "89860617030017300040"])

  iccid  = each.value
  active = false
  labels = { shelf = "B2" }
}
