# What somebody changes at the carrier is shown apart from what the configuration
# changes, with its likely cause and the line that would keep it.

provider "aliyun" {
  endpoint = "simulator"
}

card "lobby" {
  iccid  = "89860617030017300008"
  active = true
}

card "garage" {
  iccid  = "89860617030017300016"
  active = true
}
