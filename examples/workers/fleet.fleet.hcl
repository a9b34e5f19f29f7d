# One fleet in the accounts of eight carriers, whose changes workers carry out. The
# simulated carriers are served by a process of their own, since several call them:
#
#   cardfleet simulator -listen=127.77.0.1:18790 -world=carriers.json

fleet {
  backend "postgres" {
    conn_str = env("CARDFLEET_PG_CONN_STR")
  }

  executor "workers" {}

  policy {
    limit "stop" { count = 100 }
  }
}

provider "aliyun" {
  endpoint            = "http://127.77.0.1:18790/aliyun"
  access_key_id       = "testid"
  access_key_secret   = "testsecret"
  requests_per_second = 20
}

provider "aliyun_linkcard" {
  endpoint          = "http://127.77.0.1:18790/linkcard"
  access_key_id     = "testid"
  access_key_secret = "testsecret"
}

provider "jasper" {
  endpoint = "http://127.77.0.1:18790/jasper/rws/api/v1"
  username = "testid"
  api_key  = "testsecret"
}

provider "xuyu" {
  endpoint         = "http://127.77.0.1:18790/xuyu"
  token_endpoint   = "http://127.77.0.1:18790/xuyu-ids/connect/token"
  client_id        = "testid"
  client_secret    = "testsecret"
  subscription_key = "testkey"
}

provider "ctwing" {
  endpoint   = "http://127.77.0.1:18790/ctwing"
  app_key    = "testid"
  secret_key = "testsecret"
}

provider "soracom" {
  endpoint    = "http://127.77.0.1:18790/soracom/v1"
  auth_key_id = "testid"
  auth_key    = "testsecret"
}

provider "telnyx" {
  endpoint = "http://127.77.0.1:18790/telnyx/v2"
  api_key  = "testsecret"
}

provider "onomondo" {
  endpoint = "http://127.77.0.1:18790/onomondo"
  api_key  = "testsecret"
}

variable "in_service" {
  type    = bool
  default = true
}

card "bike" {
  from_csv = "bikes.csv"

  provider     = aliyun
  iccid        = each.value.iccid
  imei         = each.value.imei
  current_imei = each.value.imei
  active       = var.in_service
}

card "locker" {
  provider = aliyun_linkcard
  iccid    = "89860321030017300014"
  active   = var.in_service
}

card "van" {
  provider = jasper
  iccid    = "89860617030017300396"
  active   = var.in_service
}

card "terminal" {
  provider = xuyu
  iccid    = "89860446030017300020"
  active   = var.in_service
}

card "sensor" {
  provider = ctwing
  iccid    = "89860321043022000010"
  active   = var.in_service
}

card "tracker" {
  provider = soracom
  iccid    = "8942310000000000018"
  active   = var.in_service
}

card "scooter" {
  provider = telnyx
  iccid    = "89310410106543789305"
  active   = var.in_service
}

card "scale" {
  provider = onomondo
  iccid    = "89457387300008689187"
  active   = var.in_service
}
