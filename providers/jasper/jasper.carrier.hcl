# Cisco IoT Control Center, formerly Jasper: REST API, by developer.cisco.com/docs/control-center
# (Get Device Details, Edit Device Details, Search Devices, Getting Started), and by
# Cisco's own samples. What no document of Cisco's says is called a GUESS.

carrier "jasper" {
  title = "Cisco IoT Control Center"

  # Each operator has an address of its own: https://restapi1.jasper.com/rws/api/v1,
  # or https://api.10646.cn/rws/api/v1 of China Unicom. So there is no endpoint.

  setting "username" {
    env    = "JASPER_USERNAME"
    secret = false
  }
  # The key, not the console's password.
  setting "api_key" { env = "JASPER_API_KEY" }
  # A list goes from here on, in windows of a year: by a user of Tele2's, a window
  # that begins over a year ago is refused there; Cisco's own samples ask from 2000 on.
  setting "list_from" {
    default = "2010-01-01T00:00:00Z"
    secret  = false
  }
  # What an unbind makes of a card: RETIRED, or PURGED, from which nothing leads back.
  setting "unbind_status" {
    default = "RETIRED"
    secret  = false
  }

  # One call at a time, at most five a second (Getting Started). Some accounts have one
  # a second, by a user of Tele2's.
  limits {
    requests_per_second = 5
    max_in_flight       = 1
    timeout             = "25s"
  }

  every {
    headers = { Authorization = "Basic ${base64encode("${setting.username}:${setting.api_key}")}", Accept = "application/json" }
  }

  # The device is the last one that the network saw the card in: it proves no binding.
  # A card has exactly one rate plan, by its name.
  read {
    request  = { path = "/devices/${card.iccid}" }
    iccid    = reply.json.iccid
    status   = reply.json.status
    observed = reply.json.imei
    packages = [reply.json.ratePlan]
  }

  # In the order in which cards were modified, the oldest first. No document says which
  # ends of a window count, so windows overlap by a second. In the last one modifiedTill
  # is left out: a card that is modified meanwhile moves to its end.
  list {
    request = { path = "/devices", query = {
      modifiedSince = time("YYYY-MM-DDThh:mm:ssZZZZZ", window.from, "UTC")
      modifiedTill  = window.last ? null : time("YYYY-MM-DDThh:mm:ssZZZZZ", timeadd(window.to, "1s"), "UTC")
      pageSize      = page.size
      pageNumber    = page.number
    } }
    window {
      from = coalesce(since, setting.list_from)
      span = "8760h"
    }
    page_size = 50
    more      = reply.json.lastPage == "false"
    rows      = reply.json.devices
    iccid     = row.iccid
    status    = row.status
    packages  = [row.ratePlan]
  }

  # DEACTIVATED doesn't say by whom: a GUESS, the owner, who may resume it. REPLACED,
  # START and RESTORE are left out: unknown.
  lifecycle = {
    ACTIVATED        = "active"
    DEACTIVATED      = "suspended-by-owner"
    TEST_READY       = "testing"
    TRIAL            = "testing"
    INVENTORY        = "inventory"
    ACTIVATION_READY = "pending"
    RETIRED          = "closed"
    PURGED           = "closed"
  }

  # 200 is done, 202 accepted: the card is then looked at until it shows.
  change "stop" {
    request = { method = "PUT", path = "/devices/${card.iccid}", json = { status = "DEACTIVATED" } }
    wait {
      unless  = accepted.status == 200
      request = { path = "/devices/${card.iccid}" }
      ticket  = card.iccid
      until   = reply.json.status == "DEACTIVATED"
      every   = "5s"
      for     = "10m"
    }
  }
  change "resume" {
    request = { method = "PUT", path = "/devices/${card.iccid}", json = { status = "ACTIVATED" } }
    wait {
      unless  = accepted.status == 200
      request = { path = "/devices/${card.iccid}" }
      ticket  = card.iccid
      until   = reply.json.status == "ACTIVATED"
      every   = "5s"
      for     = "10m"
    }
  }
  # There is no call that takes a device away: an unbind closes the card.
  change "unbind" {
    irreversible = true
    request      = { method = "PUT", path = "/devices/${card.iccid}", json = { status = setting.unbind_status } }
    wait {
      unless  = accepted.status == 200
      request = { path = "/devices/${card.iccid}" }
      ticket  = card.iccid
      until   = reply.json.status == setting.unbind_status
      every   = "5s"
      for     = "10m"
    }
  }
  change "subscribe" {
    replaces = true
    bills    = "another rate plan is billed by the operator"
    request  = { method = "PUT", path = "/devices/${card.iccid}", json = { ratePlan = change.to } }
    wait {
      unless  = accepted.status == 200
      request = { path = "/devices/${card.iccid}" }
      ticket  = card.iccid
      until   = reply.json.ratePlan == change.to
      every   = "5s"
      for     = "10m"
    }
  }

  # The codes of the SOAP API are another table. A wrong address of Cisco's answers 404
  # with a page of HTML: no card is missing there.
  code = try(reply.json.errorCode, null)
  outcome "throttled" { when = reply.status == 429 || code == "40000029" }
  outcome "denied" { when = contains([401, 403], reply.status) }
  outcome "not-found" { when = reply.status == 404 && can(reply.json.errorMessage) }
  outcome "refused" { when = contains([400, 404], reply.status) && can(reply.json.errorMessage) }
  outcome "done" { when = contains([200, 202], reply.status) && (can(reply.json.iccid) || can(reply.json.devices)) }
  message = reply.json.errorMessage

  sample "a card in service" {
    card    = { iccid = "8988216716970004975" }
    setting = { username = "api-user", api_key = "0e6081b1-0000-0000-0000-73a27043fdae" }
    sends = { method = "GET", path = "/devices/8988216716970004975", headers = {
      Authorization = "Basic YXBpLXVzZXI6MGU2MDgxYjEtMDAwMC0wMDAwLTAwMDAtNzNhMjcwNDNmZGFl", Accept = "application/json"
    } }
    reply = { status = 200, json = {
      iccid             = "8988216716970004975", imsi = "901161697004975", msisdn = "882351697004975", imei = "867194030000017", status = "ACTIVATED", ratePlan = "hphlr rp1",
      communicationPlan = "CP_Basic_ON", customer = null, dateActivated = "2016-06-29 00:21:33.339+0000", dateUpdated = "2016-07-06 22:04:04.380+0000", accountId = "100020620"
    } }
    gives = { lifecycle = "active", observed = "867194030000017", packages = ["hphlr rp1"] }
  }
  sample "a card that no device has used" {
    card  = { iccid = "8988216716970004975" }
    reply = { status = 200, json = { iccid = "8988216716970004975", imei = "", status = "ACTIVATION_READY", ratePlan = "hphlr rp1" } }
    gives = { lifecycle = "pending", packages = ["hphlr rp1"] }
  }
  sample "a closed card" {
    card  = { iccid = "8988216716970004975" }
    reply = { status = 200, json = { iccid = "8988216716970004975", imei = "", status = "PURGED", ratePlan = "hphlr rp1" } }
    gives = { lifecycle = "closed" }
  }
  sample "no such card" {
    card  = { iccid = "8988216716970004975" }
    reply = { status = 404, json = { errorMessage = "Resource not found", errorCode = "10000001" } }
    gives = { lifecycle = "not-found" }
  }
  sample "a stop" {
    card   = { iccid = "8988216716970004975" }
    change = { kind = "stop" }
    sends  = { method = "PUT", path = "/devices/8988216716970004975", json = { status = "DEACTIVATED" } }
    reply  = { status = 200, json = { iccid = "8988216716970004975" } }
    gives  = { outcome = "done" }
  }
  sample "a resume that is accepted" {
    card   = { iccid = "8988216716970004975" }
    change = { kind = "resume" }
    sends  = { method = "PUT", path = "/devices/8988216716970004975", json = { status = "ACTIVATED" } }
    reply  = { status = 202, json = { iccid = "8988216716970004975" } }
    gives  = { outcome = "done" }
  }
  sample "the end of a card" {
    card   = { iccid = "8988216716970004975" }
    change = { kind = "unbind" }
    sends  = { method = "PUT", path = "/devices/8988216716970004975", json = { status = "RETIRED" } }
    reply  = { status = 200, json = { iccid = "8988216716970004975" } }
    gives  = { outcome = "done" }
  }
  sample "a rate plan that there isn't" {
    card   = { iccid = "8988216716970004975" }
    change = { kind = "subscribe", to = "hphlr rp2" }
    sends  = { method = "PUT", path = "/devices/8988216716970004975", json = { ratePlan = "hphlr rp2" } }
    reply  = { status = 400, json = { errorMessage = "Invalid rate plan", errorCode = "10000017" } }
    gives  = { outcome = "refused" }
  }
  sample "one call too many" {
    card   = { iccid = "8988216716970004975" }
    change = { kind = "stop" }
    reply  = { status = 429, json = { errorMessage = "Rate limit exceeded", errorCode = "40000029" } }
    gives  = { outcome = "throttled" }
  }
}
