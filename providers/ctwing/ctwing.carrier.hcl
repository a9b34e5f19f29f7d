# China Telecom's 5G CMP, the connection management platform of CTWing (天翼物联).
# Unverified: its manual (CTIOT_5GCMP_…) isn't public, and this is written from
# clients that quote it. docs/providers/ctwing.md says which facts are guesses.

carrier "ctwing" {
  title    = "China Telecom 5G CMP (unverified)"
  endpoint = "https://cmp-api.ctwing.cn:20164"

  setting "app_key" {
    env    = "CTWING_APP_KEY"
    secret = false
  }
  setting "secret_key" { env = "CTWING_SECRET_KEY" }
  # The customer whose cards are looked up and listed; "" for all that the key sees.
  setting "cust_id" {
    secret  = false
    default = ""
  }
  # The manual says GMT; a client sends China's time, and is served.
  setting "timestamp_zone" {
    secret  = false
    default = "UTC"
  }

  # No document says a rate: a GUESS. In the older platform's sample of a notice an
  # order took a minute.
  limits {
    requests_per_second = 5
    max_in_flight       = 4
    timeout             = "25s"
    settle              = "2m"
  }

  let {
    stamp = time("YYYYMMDDhhmmss", now, setting.timestamp_zone)
  }
  every {
    headers = { AppKey = setting.app_key, Timestamp = let.stamp }
  }
  # Manual 1.2.3.1: the query's values as they stand in the URL.
  sign {
    text = upper(hex(md5("${sortedquery(urlencode(request.query))}${request.body}${setting.secret_key}${let.stamp}")))
    into = header.Sign
  }

  # All other calls take the access number. BQ004; a reply that isn't a success has
  # no rows, so that it can't pass for "no such card".
  lookup "access_number" {
    request = {
      path  = "/openapi/v1/prodinst/getSIMList"
      query = { pageIndex = 1, iccid = card.iccid, custId = setting.cust_id == "" ? null : setting.cust_id }
    }
    value = one([for s in { "0" = list(reply.json.description.simList) }[reply.json.resultCode] : s.accNumber if s.iccid == card.iccid])
  }

  # A stop (5) is the owner's unless the operator's words speak of the operator.
  read {
    request = {
      path  = "/openapi/v1/prodinst/queryCardMainStatus"
      query = { access_number = card.access_number, queryDropCard = "true" }
    }
    status    = reply.json.productInfo[0].productMainStatusCd
    lifecycle = reply.json.productInfo[0].productMainStatusCd == "5" && can(regex("欠|违|局方|强制|实名|异常|管理", reply.json.productInfo[0].operatorDefinitionStatusName)) ? "suspended-by-carrier" : null
    reason = try(join("; ", compact([
      reply.json.productInfo[0].operatorDefinitionStatusName == try(reply.json.productInfo[0].productMainStatusName, "") ? "" : reply.json.productInfo[0].operatorDefinitionStatusName,
      try(reply.json.netBlockStatusName, "") == "已断网" ? "cut off the network (已断网)" : "",
    ])), null)
    words = { "1" = "可激活", "2" = "测试激活", "3" = "测试去激活", "4" = "在用", "5" = "停机", "6" = "运营商管理状态", "7" = "拆机" }
  }

  # The device in use. A card that isn't online tells none.
  read "device" {
    request  = { path = "/openapi/v1/prodinst/getOnlineStatus", query = { access_number = card.access_number } }
    observed = reply.json.description.imei
  }

  # Nobody knows how many cards a page has, so the list ends with an empty one. A row
  # doesn't tell whose stop a stop is: such a card is read by itself.
  list {
    request = {
      path  = "/openapi/v1/prodinst/getSIMList"
      query = { pageIndex = page.number, custId = setting.cust_id == "" ? null : setting.cust_id }
    }
    page_size     = 50
    more          = length({ "0" = list(reply.json.description.simList) }[reply.json.resultCode]) > 0
    rows          = { "0" = list(reply.json.description.simList) }[reply.json.resultCode]
    iccid         = row.iccid
    access_number = row.accNumber
    status        = list(row.simStatus)[0]
    lifecycle     = list(row.simStatus)[0] == "5" ? "unknown" : null
    reason        = list(row.simStatus)[0] == "5" ? "the list doesn't tell whose stop it is" : null
  }

  lifecycle = {
    "1" = "pending"
    "2" = "testing"
    "3" = "suspended-by-owner"
    "4" = "active"
    "5" = "suspended-by-owner"
    "6" = { word = "suspended-by-carrier", hint = "ask China Telecom why" }
    "7" = "closed"
  }

  # LC002: a GET that changes. 19 stops and 20 resumes a card in use, 21 and 22 one
  # that is being tested. acctCd has to be sent, and empty.
  change "stop" {
    request = {
      path  = "/5gcmp/openapi/v1/common/disabledNumberService"
      query = { access_number = card.access_number, acctCd = "", orderTypeId = reading.status == "2" ? 21 : 19 }
    }
  }
  change "resume" {
    request = {
      path  = "/5gcmp/openapi/v1/common/disabledNumberService"
      query = { access_number = card.access_number, acctCd = "", orderTypeId = reading.status == "3" ? 22 : 20 }
    }
  }

  # Some replies are JSON and some XML, and what one calls the code differs, also in case.
  code = try(
    reply.json.result, reply.json.resultCode, reply.json.code,
    one([for name, value in one(values(reply.xml)) : value if lower(name) == "result"]),
  )
  message = try(
    reply.json.resultMsg, reply.json.message, reply.json.msg,
    one([for name, value in one(values(reply.xml)) : value if lower(name) == "resultmsg"]),
  )
  outcome "throttled" { when = reply.status == 429 }
  outcome "denied" { when = contains([401, 403], reply.status) }
  # The card isn't in the state that the order leads from, or is so already.
  outcome "refused" { when = reply.status == 200 && code == "100008" }
  outcome "done" { when = reply.status == 200 && code == "0" }

  # The manual's own signature is of another request, and held by a test; these are
  # signed by the same rule.
  sample "a card in use" {
    card    = { iccid = "89860321030017300390", access_number = "14912061160" }
    setting = { app_key = "my-app-key", secret_key = "testsecret" }
    now     = "2026-11-29T01:05:00Z"
    sends = {
      method  = "GET", path = "/openapi/v1/prodinst/queryCardMainStatus", query = { access_number = "14912061160", queryDropCard = "true" },
      headers = { AppKey = "my-app-key", Timestamp = "20261129010500", Sign = "3539666237353765303338366135623636636433343030616266313135313633" }
    }
    reply = { json = {
      result      = "0", resultMsg = "处理成功", authStatus = "1", netBlockStatusName = "未断网",
      productInfo = [{ productMainStatusCd = "4", productMainStatusName = "在用", operatorDefinitionStatusName = "在用" }]
    } }
    gives = { lifecycle = "active", status = "在用 (4)" }
  }
  sample "a card that its owner stopped, by China's time" {
    card    = { iccid = "89860321030017300390", access_number = "14912061160" }
    setting = { timestamp_zone = "Asia/Shanghai" }
    now     = "2026-11-29T01:05:00Z"
    sends   = { headers = { Timestamp = "20261129090500" } }
    reply = { json = {
      result      = 0, netBlockStatusName = "已断网",
      productInfo = [{ productMainStatusCd = 5, productMainStatusName = "停机", operatorDefinitionStatusName = "停机保号" }]
    } }
    gives = { lifecycle = "suspended-by-owner", reason = "停机保号; cut off the network (已断网)" }
  }
  sample "a card in arrears" {
    card = { iccid = "89860321030017300390", access_number = "14912061160" }
    reply = { json = {
      result = "0", productInfo = [{ productMainStatusCd = "5", productMainStatusName = "停机", operatorDefinitionStatusName = "欠费停机" }]
    } }
    gives = { lifecycle = "suspended-by-carrier", reason = "欠费停机" }
  }
  sample "a card that was disconnected" {
    card  = { iccid = "89860321030017300390", access_number = "14912061160" }
    reply = { json = { result = "0", productInfo = [{ productMainStatusCd = "7", productMainStatusName = "拆机" }] } }
    gives = { lifecycle = "closed" }
  }
  sample "the device in use" {
    card  = { iccid = "89860321030017300390", access_number = "14912061160" }
    sends = { path = "/openapi/v1/prodinst/getOnlineStatus", query = { access_number = "14912061160" } }
    reply = { json = { resultCode = "0", description = { imei = "8615360301960001", imsi = "460113045123456" } } }
    gives = { observed = "8615360301960001" }
  }
  sample "a stop" {
    card    = { iccid = "89860321030017300390", access_number = "14912061160" }
    change  = { kind = "stop" }
    reading = { status = "4" }
    setting = { secret_key = "testsecret" }
    now     = "2026-11-29T01:05:00Z"
    sends = {
      method  = "GET", path = "/5gcmp/openapi/v1/common/disabledNumberService",
      query   = { access_number = "14912061160", acctCd = "", orderTypeId = "19" },
      headers = { Sign = "3765666536303835646662613662643365646238323666376136623363343637" }
    }
    reply = { xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><RESULT>0</RESULT><RESULTMSG>成功</RESULTMSG><GROUP_TRANSACTIONID>1000000252202611291234567890</GROUP_TRANSACTIONID></response>" }
    gives = { outcome = "done" }
  }
  sample "a stop of a card that is being tested" {
    card    = { iccid = "89860321030017300390", access_number = "14912061160" }
    change  = { kind = "stop" }
    reading = { status = "2" }
    sends   = { query = { orderTypeId = "21" } }
    reply   = { xml = "<response><result>-1</result><resultMsg>系统异常</resultMsg></response>" }
    gives   = { outcome = "in doubt" }
  }
  sample "a resume of a card that isn't activated yet" {
    card    = { iccid = "89860321030017300390", access_number = "14912061160" }
    change  = { kind = "resume" }
    reading = { status = "5" }
    sends   = { query = { access_number = "14912061160", acctCd = "", orderTypeId = "20" } }
    reply   = { xml = "<response><result>100008</result><resultMsg>卡状态不允许该操作</resultMsg></response>" }
    gives   = { outcome = "refused" }
  }
}
