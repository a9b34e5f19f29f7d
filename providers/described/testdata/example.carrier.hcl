carrier "soracom" {
  title    = "Soracom Air"
  endpoint = "https://g.api.soracom.io/v1"

  setting "auth_key_id" {
    env    = "SORACOM_AUTH_KEY_ID"
    secret = false
  }
  setting "auth_key" { env = "SORACOM_AUTH_KEY" }

  limits {
    requests_per_second = 5
    max_in_flight       = 4
    timeout             = "25s"
    settle              = "0s"
  }

  token {
    request = { method = "POST", path = "/auth", json = { authKeyId = setting.auth_key_id, authKey = setting.auth_key } }
    value   = { key = reply.json.apiKey, token = reply.json.token }
    expires = "23h"
    refused = reply.status == 401
  }

  every {
    headers = { "X-Soracom-API-Key" = token.key, "X-Soracom-Token" = token.token }
  }

  lookup "sim_id" {
    request = { path = "/query/sims", query = { iccid = card.iccid, limit = 100 } }
    value   = one([for s in reply.json : s.simId if contains(keys(s.profiles), card.iccid)])
  }

  read {
    request  = { path = "/sims/${card.sim_id}" }
    status   = reply.json.status
    imei     = split("|", reply.json.imeiLock.imei)[0]
    none     = { imei = reply.json.imeiLock == null }
    observed = try(reply.json.sessionStatus.imei, null)
    packages = [reply.json.speedClass]
  }

  list {
    request   = { path = "/sims", query = { limit = page.size, last_evaluated_key = page.next } }
    page_size = 100
    next      = try(reply.headers["x-soracom-next-key"], null)
    rows      = reply.json
    iccid     = row.simId
  }

  lifecycle = {
    ready      = "pending"
    active     = "active"
    standby    = "dormant"
    inactive   = "suspended-by-owner"
    suspended  = "suspended-by-owner"
    terminated = "closed"
  }

  change "stop" { request = { method = "POST", path = "/sims/${card.sim_id}/deactivate" } }
  change "resume" { request = { method = "POST", path = "/sims/${card.sim_id}/activate" } }
  change "change-bind" { request = { method = "POST", path = "/sims/${card.sim_id}/set_imei_lock", json = { imei = change.to } } }
  change "unbind" {
    closes_account = false
    request        = { method = "POST", path = "/sims/${card.sim_id}/unset_imei_lock" }
  }
  change "subscribe" {
    replaces = true
    request  = { method = "POST", path = "/sims/${card.sim_id}/update_speed_class", json = { speedClass = change.to } }
  }

  code = try(reply.json.code, null)
  outcome "throttled" { when = reply.status == 429 }
  outcome "denied" { when = contains([401, 403], reply.status) }
  outcome "not-found" { when = reply.status == 404 && code != null }
  outcome "refused" { when = contains([400, 404, 422], reply.status) }
  outcome "done" { when = reply.status == 200 }
  message = "${code}: ${reply.json.message}"

  sample "a card in service" {
    card  = { iccid = "8942310000000000000", sim_id = "8942310000000000000" }
    sends = { method = "GET", path = "/sims/8942310000000000000" }
    reply = { status = 200, json = { simId = "8942310000000000000", status = "active", imeiLock = { imei = "861536030196001|ANONYMOUS" }, speedClass = "s1.fast" } }
    gives = { lifecycle = "active", imei = "861536030196001", packages = ["s1.fast"] }
  }
}
