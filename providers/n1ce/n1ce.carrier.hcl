# 1NCE's SIM cards, by its OpenAPI documents: SIM Management v2.0 (/v2/sims) and
# Authorization v2.1.1.

carrier "n1ce" {
  title    = "1NCE"
  endpoint = "https://api.1nce.com/management-api"

  setting "client_id" {
    env    = "N1CE_CLIENT_ID"
    secret = false
  }
  setting "client_secret" { env = "N1CE_CLIENT_SECRET" }

  # help.1nce.com says 10 calls a second of a customer, whose portal takes of them too.
  limits {
    requests_per_second = 8
    max_in_flight       = 4
    timeout             = "25s"
    settle              = "5s"
  }

  token {
    request = {
      method  = "POST", path = "/oauth/token", json = { grant_type = "client_credentials" }
      headers = { Authorization = "Basic ${base64encode("${setting.client_id}:${setting.client_secret}")}" }
    }
    value   = { access = reply.json.access_token }
    expires = reply.json.expires_in
    refused = reply.status == 401
  }

  every {
    headers = { Authorization = "Bearer ${token.access}" }
  }

  # 1NCE's ICCIDs are the 19 digits without the check digit. imei is the device that
  # the card is in; what a locked card is locked to is nowhere told.
  read {
    request   = { path = "/v2/sims/${substr(card.iccid, 0, 19)}" }
    iccid     = reply.json.iccid
    status    = reply.json.status
    lifecycle = reply.json.status == "Enabled" && try(reply.json.quota_status.id, "0") == "2" ? { word = "suspended-by-carrier", hint = "its data volume is used up: top it up at 1NCE; a resume doesn't help" } : null
    observed  = try(reply.json.imei, null)
    keep      = { label = try(reply.json.label, null), imei_lock = reply.json.imei_lock }
  }

  list {
    request   = { path = "/v2/sims", query = { page = page.number, pageSize = page.size } }
    page_size = 100
    pages     = reply.headers["x-total-pages"]
    rows      = reply.json
    iccid     = row.iccid
  }

  lifecycle = {
    Enabled  = "active"
    Disabled = "suspended-by-owner"
  }

  # A PUT replaces: what it leaves out is Enabled, unlocked and without a label. So
  # all of it is sent as the reading right before has it.
  change "stop" {
    request = {
      method = "PUT", path = "/v2/sims/${substr(card.iccid, 0, 19)}"
      json = {
        iccid = substr(card.iccid, 0, 19), status = "Disabled", imei_lock = reading.keep.imei_lock ? true : false
        label = reading.keep.label == null ? omit : reading.keep.label
      }
    }
    done = reply.status == 200 && reply.text == ""
  }
  change "resume" {
    request = {
      method = "PUT", path = "/v2/sims/${substr(card.iccid, 0, 19)}"
      json = {
        iccid = substr(card.iccid, 0, 19), status = "Enabled", imei_lock = reading.keep.imei_lock ? true : false
        label = reading.keep.label == null ? omit : reading.keep.label
      }
    }
    done = reply.status == 200 && reply.text == ""
  }

  # errorCode is of /oauth/token, where a wrong secret is HTTP 400.
  code = try(reply.json.errorCode, reply.json.error_token, null)
  outcome "throttled" { when = reply.status == 429 }
  outcome "denied" { when = reply.status == 401 || reply.status == 400 && contains(["BadCredentials", "AuthValidationError"], code) }
  outcome "not-found" { when = reply.status == 404 && code != null }
  outcome "refused" { when = contains([400, 403, 404, 422], reply.status) && code != null }
  outcome "done" { when = reply.status == 200 && (can(reply.json.iccid) || can(reply.json.access_token)) }
  message = "${code}: ${reply.json.message}"

  # The card of the documents' samples.
  sample "a card in service" {
    card    = { iccid = "8988303000123456789" }
    setting = { client_id = "testclient", client_secret = "testsecret" }
    token   = { access = "eyJpZHRva2V" }
    sends   = { method = "GET", path = "/v2/sims/8988303000123456789", headers = { Authorization = "Bearer eyJpZHRva2V" } }
    reply = { status = 200, json = {
      iccid           = "8988303000123456789", iccid_with_luhn = "89883030001234567894", imei = "0000000000000018", imei_lock = true, status = "Enabled",
      activation_date = "2018-03-09T07:59:09.000+0000", current_quota = 500, quota_status = { id = 0, description = "More than 20% available" }, label = "DX-137-B12"
    } }
    gives = { lifecycle = "active" }
  }
  sample "a card by its 20 digits" {
    card  = { iccid = "89882280666000000012" }
    sends = { method = "GET", path = "/v2/sims/8988228066600000001" }
    reply = { status = 200, json = { iccid = "8988228066600000001", imei = "8671940300000100", imei_lock = false, status = "Disabled", quota_status = { id = 2 } } }
    gives = { lifecycle = "suspended-by-owner", observed = "8671940300000100" }
  }
  sample "a card without data" {
    card  = { iccid = "8988228066600000001" }
    reply = { status = 200, json = { iccid = "8988228066600000001", imei_lock = false, status = "Enabled", quota_status = { id = 2, quota_exceeded_date = "2026-01-03T00:00:00Z" } } }
    gives = { lifecycle = "suspended-by-carrier" }
  }
  sample "a card with little data" {
    card  = { iccid = "8988228066600000001" }
    reply = { status = 200, json = { iccid = "8988228066600000001", imei_lock = false, status = "Enabled", quota_status = { id = 1 } } }
    gives = { lifecycle = "active" }
  }
  sample "no such card" {
    card  = { iccid = "8988228066600000001" }
    reply = { status = 404, json = { error_code = 1000, error_token = "NotFound", message = "Element not found" } }
    gives = { lifecycle = "not-found" }
  }
  sample "a stop keeps label and lock" {
    card    = { iccid = "89882280666000000012" }
    change  = { kind = "stop" }
    reading = { status = "Enabled", keep = { label = "DX-137-B12", imei_lock = "true" } }
    sends   = { method = "PUT", path = "/v2/sims/8988228066600000001", json = { iccid = "8988228066600000001", status = "Disabled", imei_lock = true, label = "DX-137-B12" } }
    reply   = { status = 200, text = "" }
    gives   = { outcome = "done" }
  }
  sample "a resume without label and lock" {
    card    = { iccid = "8988228066600000001" }
    change  = { kind = "resume" }
    reading = { status = "Disabled", keep = { label = null, imei_lock = "false" } }
    sends   = { method = "PUT", path = "/v2/sims/8988228066600000001", body = "{\"iccid\":\"8988228066600000001\",\"imei_lock\":false,\"status\":\"Enabled\"}" }
    reply   = { status = 200, text = "" }
    gives   = { outcome = "done" }
  }
  sample "a resume of what is wrong" {
    card    = { iccid = "8988228066600000001" }
    change  = { kind = "resume" }
    reading = { status = "Disabled", keep = { label = null, imei_lock = "false" } }
    reply   = { status = 400, json = { error_code = 1000, error_token = "BadRequest", message = "Validation Error" } }
    gives   = { outcome = "refused" }
  }
}
