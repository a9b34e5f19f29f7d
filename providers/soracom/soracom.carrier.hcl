# Soracom Air, by its OpenAPI document, version 20260604-092803.
# The coverage of Japan is another endpoint, with cards of its own:
#   provider "soracom" {
#     alias    = "japan"
#     endpoint = "https://api.soracom.io/v1"
#   }

carrier "soracom" {
  title    = "Soracom Air"
  endpoint = "https://g.api.soracom.io/v1"

  setting "auth_key_id" {
    env    = "SORACOM_AUTH_KEY_ID"
    secret = false
  }
  setting "auth_key" { env = "SORACOM_AUTH_KEY" }

  # No document says a rate: a GUESS.
  limits {
    requests_per_second = 5
    max_in_flight       = 4
    timeout             = "25s"
    settle              = "0s"
  }

  token {
    request = { method = "POST", path = "/auth", json = { authKeyId = setting.auth_key_id, authKey = setting.auth_key } }
    value   = { key = reply.json.apiKey, token = reply.json.token }
    expires = "23h" # a day, where tokenTimeoutSeconds isn't said
    refused = reply.status == 401
  }

  every {
    headers = { "X-Soracom-API-Key" = token.key, "X-Soracom-Token" = token.token }
  }

  # A card without eUICC has its ICCID for its simId; of others the ICCIDs are the
  # names in profiles. The search matches parts of an ICCID.
  lookup "sim_id" {
    request = { path = "/query/sims", query = { iccid = card.iccid, limit = 100 } }
    value   = one([for s in reply.json : s.simId if s.simId == card.iccid || contains(keys(try(s.profiles, {})), card.iccid)])
  }

  read {
    request  = { path = "/sims/${card.sim_id}" }
    status   = reply.json.status
    imei     = split("|", reply.json.imeiLock.imei)[0]
    none     = { imei = reply.json.imeiLock == null }
    observed = try(reply.json.sessionStatus.imei, null)
    packages = [reply.json.speedClass]
    # A lock that ends so lets sessions without an IMEI pass. A change keeps that.
    keep = { anonymous = endswith(try(reply.json.imeiLock.imei, ""), "|ANONYMOUS") }
  }

  # A page may have fewer than limit: only the header says whether one follows.
  list {
    request   = { path = "/sims", query = { limit = page.size, last_evaluated_key = page.next } }
    page_size = 100
    next      = try(reply.headers["x-soracom-next-key"], null)
    rows      = reply.json
    iccid     = row.simId
    sim_id    = row.simId
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
  change "resume" {
    bills   = "resuming a card that is suspended, not only inactive, costs a fee"
    request = { method = "POST", path = "/sims/${card.sim_id}/activate" }
  }
  change "change-bind" {
    request = {
      method = "POST"
      path   = "/sims/${card.sim_id}/set_imei_lock"
      json   = { imei = reading.keep.anonymous ? "${change.to}|ANONYMOUS" : change.to }
    }
  }
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
  outcome "refused" { when = contains([400, 404, 422], reply.status) && code != null }
  outcome "done" { when = reply.status == 200 && can(reply.json.simId) }
  message = "${code}: ${reply.json.message}"

  sample "a card in service" {
    card  = { iccid = "8942310000000000000", sim_id = "8942310000000000000" }
    token = { key = "api-key", token = "api-token" }
    sends = { method = "GET", path = "/sims/8942310000000000000", headers = { "X-Soracom-API-Key" = "api-key", "X-Soracom-Token" = "api-token" } }
    reply = { status = 200, json = { simId = "8942310000000000000", status = "active", imeiLock = { imei = "861536030196001|ANONYMOUS" }, speedClass = "s1.fast" } }
    gives = { lifecycle = "active", imei = "861536030196001", packages = ["s1.fast"] }
  }
  sample "a card that is bound to no device" {
    card  = { iccid = "8942310000000000000", sim_id = "8942310000000000000" }
    reply = { status = 200, json = { simId = "8942310000000000000", status = "inactive", imeiLock = null, speedClass = "s1.minimum", sessionStatus = { imei = "861536030196001" } } }
    gives = { lifecycle = "suspended-by-owner", imei = "", observed = "861536030196001", packages = ["s1.minimum"] }
  }
  sample "a reply that doesn't tell the lock" {
    card  = { iccid = "8942310000000000000", sim_id = "8942310000000000000" }
    reply = { status = 200, json = { simId = "8942310000000000000", status = "standby", speedClass = "s1.minimum" } }
    gives = { lifecycle = "dormant", imei = null, packages = ["s1.minimum"] }
  }
  sample "no such card" {
    card  = { iccid = "8942310000000000000", sim_id = "8942310000000000000" }
    reply = { status = 404, json = { code = "SEM0001", message = "No such resource found" } }
    gives = { lifecycle = "not-found" }
  }
  sample "a stop" {
    card   = { iccid = "8942310000000000000", sim_id = "8942310000000000000" }
    change = { kind = "stop" }
    sends  = { method = "POST", path = "/sims/8942310000000000000/deactivate", body = "" }
    reply  = { status = 200, json = { simId = "8942310000000000000", status = "inactive" } }
    gives  = { outcome = "done" }
  }
  sample "another device, with a lock that lets sessions without one pass" {
    card    = { iccid = "8942310000000000000", sim_id = "8942310000000000000" }
    change  = { kind = "change-bind", from = "861536030196001", to = "867194030000017" }
    reading = { keep = { anonymous = true } }
    sends   = { method = "POST", path = "/sims/8942310000000000000/set_imei_lock", json = { imei = "867194030000017|ANONYMOUS" } }
    reply   = { status = 400, json = { code = "SEM0049", message = "Invalid IMEI" } }
    gives   = { outcome = "refused" }
  }
  sample "another speed class" {
    card   = { iccid = "8942310000000000000", sim_id = "8942310000000000000" }
    change = { kind = "subscribe", to = "s1.slow" }
    sends  = { path = "/sims/8942310000000000000/update_speed_class", json = { speedClass = "s1.slow" } }
    reply  = { status = 429 }
    gives  = { outcome = "throttled" }
  }
  sample "a resume" {
    card   = { iccid = "8942310000000000000", sim_id = "8942310000000000000" }
    change = { kind = "resume" }
    sends  = { method = "POST", path = "/sims/8942310000000000000/activate", body = "" }
    reply  = { status = 200, json = { simId = "8942310000000000000", status = "active" } }
    gives  = { outcome = "done" }
  }
  sample "an unbind, which leaves the account" {
    card   = { iccid = "8942310000000000000", sim_id = "8942310000000000000" }
    change = { kind = "unbind", from = "861536030196001" }
    sends  = { method = "POST", path = "/sims/8942310000000000000/unset_imei_lock", body = "" }
    reply  = { status = 200, json = { simId = "8942310000000000000", status = "active", imeiLock = null } }
    gives  = { outcome = "done" }
  }
}
