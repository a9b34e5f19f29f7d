# Onomondo's SIMs, by its OpenAPI document, version 1.0.

carrier "onomondo" {
  title    = "Onomondo"
  endpoint = "https://api.onomondo.com"

  setting "api_key" { env = "ONOMONDO_API_KEY" }

  # The document declares the bare key and speaks of a bearer; Onomondo's own
  # services send the bare key.
  setting "scheme" {
    default = ""
    secret  = false
  }

  # 600 calls a minute.
  limits {
    requests_per_second = 10
    max_in_flight       = 4
    timeout             = "25s"
    settle              = "5s"
  }

  every {
    headers = { Authorization = setting.scheme == "" ? setting.api_key : "${setting.scheme} ${setting.api_key}" }
  }

  # The search finds parts of ids and labels too.
  lookup "id" {
    request = { path = "/sims/find", query = { query = card.iccid } }
    value   = one([for s in reply.json : s.id if s.iccid == card.iccid])
  }

  read {
    request = { path = "/sims/${card.id}" }
    iccid   = reply.json.iccid
    status  = reply.json.activated
    imei    = reply.json.imei_lock
    none    = { imei = reply.json.imei_lock == null }
  }

  # Nobody says how many there are, nor whether more follow: the last page isn't full.
  list {
    request   = { path = "/sims", query = { limit = page.size, offset = page.offset } }
    page_size = 1000
    more      = length(reply.json) == page.size
    rows      = reply.json
    iccid     = row.iccid
    id        = row.id
  }

  lifecycle = {
    true  = "active"
    false = "suspended-by-owner"
  }

  change "stop" {
    request = { method = "PATCH", path = "/sims/${card.id}", json = { activated = false } }
  }
  change "resume" {
    request = { method = "PATCH", path = "/sims/${card.id}", json = { activated = true } }
  }
  change "change-bind" {
    request = { method = "PATCH", path = "/sims/${card.id}", json = { imei_lock = change.to } }
  }
  change "unbind" {
    closes_account = false
    request        = { method = "PATCH", path = "/sims/${card.id}", json = { imei_lock = null } }
  }

  code = try(reply.json.error, null)
  outcome "throttled" {
    when        = reply.status == 429
    retry_after = reply.headers["x-ratelimit-reset"]
  }
  outcome "denied" { when = contains([401, 403], reply.status) }
  outcome "not-found" { when = reply.status == 404 && code != null }
  outcome "refused" { when = contains([400, 404, 422], reply.status) && code != null }
  outcome "done" { when = reply.status == 200 && can(reply.json.id) }
  message = "${code}: ${try(reply.json.message, "")}"

  sample "a card in service" {
    card    = { iccid = "89457387300008689187", id = "000868918" }
    setting = { api_key = "onok_0123456789", scheme = "" }
    sends   = { method = "GET", path = "/sims/000868918", headers = { Authorization = "onok_0123456789" } }
    reply   = { status = 200, json = { id = "000868918", iccid = "89457387300008689187", activated = true, imei_lock = "861536030196001", label = null, connector = null } }
    gives   = { lifecycle = "active", imei = "861536030196001" }
  }
  sample "a card that any device may use" {
    card    = { iccid = "89457387300008689187", id = "000868918" }
    setting = { api_key = "onok_0123456789", scheme = "Bearer" }
    sends   = { path = "/sims/000868918", headers = { Authorization = "Bearer onok_0123456789" } }
    reply   = { status = 200, json = { id = "000868918", iccid = "89457387300008689187", activated = false, imei_lock = null } }
    gives   = { lifecycle = "suspended-by-owner", imei = "" }
  }
  sample "no such card" {
    card  = { iccid = "89457387300008689187", id = "000868918" }
    reply = { status = 404, json = { error = "sim_not_found" } }
    gives = { lifecycle = "not-found" }
  }
  sample "a stop" {
    card   = { iccid = "89457387300008689187", id = "000868918" }
    change = { kind = "stop" }
    sends  = { method = "PATCH", path = "/sims/000868918", json = { activated = false } }
    reply  = { status = 200, json = { id = "000868918", iccid = "89457387300008689187", activated = false, imei_lock = null } }
    gives  = { outcome = "done" }
  }
  sample "a resume, one call too many" {
    card   = { iccid = "89457387300008689187", id = "000868918" }
    change = { kind = "resume" }
    sends  = { method = "PATCH", path = "/sims/000868918", json = { activated = true } }
    reply  = { status = 429, headers = { "x-ratelimit-limit" = "600", "x-ratelimit-remaining" = "0", "x-ratelimit-reset" = "1795946400" } }
    gives  = { outcome = "throttled" }
  }
  sample "another device" {
    card   = { iccid = "89457387300008689187", id = "000868918" }
    change = { kind = "change-bind", from = "867194030000017", to = "861536030196001" }
    sends  = { method = "PATCH", path = "/sims/000868918", json = { imei_lock = "861536030196001" } }
    reply  = { status = 400, json = { error = "invalid_imei_lock" } }
    gives  = { outcome = "refused" }
  }
  sample "no device" {
    card   = { iccid = "89457387300008689187", id = "000868918" }
    change = { kind = "unbind", from = "867194030000017" }
    sends  = { method = "PATCH", path = "/sims/000868918", json = { imei_lock = null } }
    reply  = { status = 200, json = { id = "000868918", iccid = "89457387300008689187", activated = true, imei_lock = null } }
    gives  = { outcome = "done" }
  }
}
