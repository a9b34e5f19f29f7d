# One configuration over every carrier, each of them simulated here. What a
# carrier can't do is an error at its line: cardfleet providers lists what it can.

provider "aliyun" {
  endpoint = "simulator"
}

provider "aliyun_linkcard" {
  endpoint = "simulator"
}

provider "cmiot" {
  endpoint = "simulator"
}

provider "cmiot" {
  alias       = "legacy"
  endpoint    = "simulator"
  api_version = "v2"
}

provider "xuyu" {
  endpoint = "simulator"
}

provider "ctwing" {
  endpoint = "simulator"
}

provider "soracom" {
  endpoint = "simulator"
}

provider "telnyx" {
  endpoint = "simulator"
}

provider "jasper" {
  endpoint = "simulator"
}

provider "n1ce" {
  endpoint = "simulator"
}

provider "onomondo" {
  endpoint = "simulator"
}

card "kiosk" {
  provider     = aliyun
  iccid        = "89860617030017300008"
  imei         = "861536030196019"
  current_imei = "861536030196001" # Dyiotapi can't report it
  active       = true
  packages     = ["10002"]
}

card "bike" {
  provider = aliyun_linkcard
  iccid    = "89860321030017300014"
  imei     = "861536030196027" # watched: Linkcard reports it, and can't change it
  active   = true
}

card "meter" {
  provider = cmiot
  iccid    = "898600D6991330004146"
  active   = false
}

card "old_meter" {
  provider = cmiot.legacy
  iccid    = "898602B0011430000544"
  packages = ["I00010100084"] # v2 can only read, so a difference asks for a person
}

card "terminal" {
  provider = xuyu
  iccid    = "89860446030017300020"
  active   = true
}

card "sensor" {
  provider = ctwing
  iccid    = "89860321043022000010"
  imei     = "861536030196092" # watched: a call of its own tells the device in use
  active   = false
}

card "tracker" {
  provider = soracom
  iccid    = "8942310000000000018"
  imei     = "861536030196035" # read and written: no current_imei, no trust
  active   = true
  packages = ["s1.fast"]
}

card "scooter" {
  provider = telnyx
  iccid    = "89310410106543789305"
  imei     = "861536030196076" # Telnyx stopped it in this device: it is bound, and enabled then
  active   = true
}

card "van" {
  provider = jasper
  iccid    = "89860617030017300396"
  imei     = "861536030196084" # watched: the last one that the network saw it in
  active   = false
  packages = ["50 MB"] # its rate plan: exactly one
}

card "tag" {
  provider = n1ce
  iccid    = "89882280666000000012" # 1NCE's list has it without its check digit
  imei     = "861536030196118"      # watched: 1NCE tells the device in use
  active   = true
}

card "scale" {
  provider = onomondo
  iccid    = "89457387300008689187"
  imei     = "861536030196126"
  active   = true
}

privacy_number "courier" {
  provider = aliyun
  pool_key = "FC12345"
  subs_id  = "12345"
  number   = "17000000001"
}

output "courier" {
  value = privacy_number.courier.live.number
}
