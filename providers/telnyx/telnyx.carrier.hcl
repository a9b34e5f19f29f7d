# Telnyx's IoT SIM cards, by the types of its client, npm telnyx 7.24.0, and
# developers.telnyx.com/docs/iot-sim/sim-lifecycle.

carrier "telnyx" {
  title    = "Telnyx IoT SIM"
  endpoint = "https://api.telnyx.com/v2"

  setting "api_key" { env = "TELNYX_API_KEY" }

  # No document says a rate: a GUESS.
  limits {
    requests_per_second = 5
    max_in_flight       = 4
    timeout             = "25s"
    settle              = "10s"
  }

  every {
    headers = { Authorization = "Bearer ${setting.api_key}" }
  }

  # The filter matches parts of an ICCID.
  lookup "id" {
    request = { path = "/sim_cards", query = { "filter[iccid]" = card.iccid, "page[size]" = 250 } }
    value   = one([for s in reply.json.data : s.id if s.iccid == card.iccid])
  }

  # include_pin_puk_codes is never set.
  read {
    request  = { path = "/sim_cards/${card.id}" }
    iccid    = reply.json.data.iccid
    status   = reply.json.data.status.value
    reason   = try(reply.json.data.status.reason, null)
    imei     = one(reply.json.data.authorized_imeis)
    none     = { imei = reply.json.data.authorized_imeis == null || try(length(reply.json.data.authorized_imeis) == 0, false) }
    observed = try(reply.json.data.current_imei, null)
  }

  list {
    request   = { path = "/sim_cards", query = { "page[number]" = page.number, "page[size]" = page.size } }
    page_size = 250
    total     = reply.json.meta.total_results
    rows      = reply.json.data
    iccid     = row.iccid
    id        = row.id
    status    = row.status.value
    reason    = try(row.status.reason, null)
    imei      = one(row.authorized_imeis)
    none      = { imei = row.authorized_imeis == null || try(length(row.authorized_imeis) == 0, false) }
    observed  = try(row.current_imei, null)
  }

  # The types lack unauthorized_imei, which the list's filter knows; blocked and
  # abolished are of the page on the life of a card.
  lifecycle = {
    registering         = "changing"
    registered          = "pending"
    enabling            = "changing"
    enabled             = "active"
    disabling           = "changing"
    disabled            = "suspended-by-owner"
    setting_standby     = "changing"
    standby             = "suspended-by-owner"
    data_limit_exceeded = { word = "suspended-by-carrier", hint = "raise the limit at Telnyx; the card comes back by itself" }
    unauthorized_imei   = { word = "suspended-by-carrier", cured_by = "change-bind", hint = "the card is in a device that it isn't bound to" }
    blocked             = { word = "suspended-by-carrier", hint = "Telnyx blocked it for its bill" }
    abolished           = { word = "suspended-by-carrier", hint = "Telnyx took it out for its bill" }
  }

  change "stop" {
    request = { method = "POST", path = "/sim_cards/${card.id}/actions/disable" }
    wait {
      request = { path = "/sim_card_actions/${ticket}" }
      ticket  = accepted.json.data.id
      until   = reply.json.data.status.value == "completed"
      failed  = contains(["failed", "interrupted"], reply.json.data.status.value)
      every   = "5s"
      for     = "10m"
    }
  }
  change "resume" {
    request = { method = "POST", path = "/sim_cards/${card.id}/actions/enable" }
    wait {
      request = { path = "/sim_card_actions/${ticket}" }
      ticket  = accepted.json.data.id
      until   = reply.json.data.status.value == "completed"
      failed  = contains(["failed", "interrupted"], reply.json.data.status.value)
      every   = "5s"
      for     = "10m"
    }
  }
  change "change-bind" {
    request = { method = "PATCH", path = "/sim_cards/${card.id}", json = { authorized_imeis = [change.to] } }
  }
  change "unbind" {
    closes_account = false
    request        = { method = "PATCH", path = "/sim_cards/${card.id}", json = { authorized_imeis = null } }
  }

  code = try(reply.json.errors[0].code, null)
  outcome "throttled" { when = reply.status == 429 }
  outcome "denied" { when = contains([401, 403], reply.status) }
  outcome "not-found" { when = reply.status == 404 && code != null }
  outcome "refused" { when = contains([400, 404, 422], reply.status) && code != null }
  outcome "done" { when = contains([200, 202], reply.status) && can(reply.json.data) }
  message = "${code}: ${try(reply.json.errors[0].detail, reply.json.errors[0].title)}"

  sample "a card in service" {
    card    = { iccid = "89310410106543789301", id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58" }
    setting = { api_key = "KEY0123456789" }
    sends   = { method = "GET", path = "/sim_cards/6a09cdc3-8948-47f0-aa62-74ac943d6c58", headers = { Authorization = "Bearer KEY0123456789" } }
    reply = { status = 200, json = { data = {
      id               = "6a09cdc3-8948-47f0-aa62-74ac943d6c58", iccid = "89310410106543789301", status = { value = "enabled", reason = "The SIM card is active, and ready to use." },
      authorized_imeis = ["867194030000017"], current_imei = "867194030000017"
    } } }
    gives = { lifecycle = "active", imei = "867194030000017", observed = "867194030000017" }
  }
  sample "a card that any device may use" {
    card  = { iccid = "89310410106543789301", id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58" }
    reply = { status = 200, json = { data = { id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58", iccid = "89310410106543789301", status = { value = "standby" }, authorized_imeis = null } } }
    gives = { lifecycle = "suspended-by-owner", imei = "" }
  }
  sample "a card in a device that it isn't bound to" {
    card  = { iccid = "89310410106543789301", id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58" }
    reply = { status = 200, json = { data = { id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58", iccid = "89310410106543789301", status = { value = "unauthorized_imei" }, authorized_imeis = ["867194030000017"], current_imei = "861536030196001" } } }
    gives = { lifecycle = "suspended-by-carrier", imei = "867194030000017", observed = "861536030196001" }
  }
  sample "no such card" {
    card  = { iccid = "89310410106543789301", id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58" }
    reply = { status = 404, json = { errors = [{ code = "10005", title = "Resource not found" }] } }
    gives = { lifecycle = "not-found" }
  }
  sample "a stop" {
    card   = { iccid = "89310410106543789301", id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58" }
    change = { kind = "stop" }
    sends  = { method = "POST", path = "/sim_cards/6a09cdc3-8948-47f0-aa62-74ac943d6c58/actions/disable", body = "" }
    reply  = { status = 202, json = { data = { id = "47a1c2b0-cc7b-4ab1-bb98-b33fb0fc61b9", action_type = "disable", status = { value = "in-progress" } } } }
    gives  = { outcome = "done" }
  }
  sample "a resume" {
    card   = { iccid = "89310410106543789301", id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58" }
    change = { kind = "resume" }
    sends  = { method = "POST", path = "/sim_cards/6a09cdc3-8948-47f0-aa62-74ac943d6c58/actions/enable", body = "" }
    reply  = { status = 202, json = { data = { id = "47a1c2b0-cc7b-4ab1-bb98-b33fb0fc61b9", action_type = "enable", status = { value = "in-progress" } } } }
    gives  = { outcome = "done" }
  }
  sample "another device" {
    card   = { iccid = "89310410106543789301", id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58" }
    change = { kind = "change-bind", from = "867194030000017", to = "861536030196001" }
    sends  = { method = "PATCH", path = "/sim_cards/6a09cdc3-8948-47f0-aa62-74ac943d6c58", json = { authorized_imeis = ["861536030196001"] } }
    reply  = { status = 422, json = { errors = [{ code = "10015", title = "Bad Request", detail = "The IMEI is invalid" }] } }
    gives  = { outcome = "refused" }
  }
  sample "no device" {
    card   = { iccid = "89310410106543789301", id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58" }
    change = { kind = "unbind", from = "867194030000017" }
    sends  = { method = "PATCH", json = { authorized_imeis = null } }
    reply  = { status = 200, json = { data = { id = "6a09cdc3-8948-47f0-aa62-74ac943d6c58", authorized_imeis = null } } }
    gives  = { outcome = "done" }
  }
}
