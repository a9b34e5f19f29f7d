# Beichen IoT, which doesn't exist: written from manual.md beside this file, and from
# nothing else. Section numbers are the manual's.

carrier "madeup" {
  title = "Beichen IoT (made up)"

  setting "app_key" { secret = false }
  setting "app_secret" {}

  limits {
    requests_per_second = 50
    max_in_flight       = 8
    timeout             = "25s"
    settle              = "5m" # an order takes up to some minutes (3.5)
  }

  # 1.1: Beijing time, and a nonce that is taken once.
  let {
    stamp = time("YYYYMMDDhhmmss", now, "Asia/Shanghai")
    nonce = replace(uuid(), "-", "")
  }
  every {
    form = { app_key = setting.app_key, timestamp = let.stamp, nonce = let.nonce, v = "2.0" }
  }
  # 2: names and values without anything between, those without a value left out.
  sign {
    text = upper(sha256("${setting.app_secret}${join("", [for name, value in request.form : "${name}${value}" if value != ""])}${setting.app_secret}"))
    into = form.sign
  }

  # 3.1: ICCIDs come back in lower case, and those that aren't ours not at all.
  lookup "asset" {
    size    = 100
    request = { method = "POST", reads = true, path = "/router", form = { service = "card.find", iccids = join(",", cards[*].iccid) } }
    values  = { for c in try(list(reply.xml.response.data.cards.card), [for none in [reply.xml.response.data.cards] : none if none != ""]) : upper(c.iccid) => c.assetNo }
  }

  # 3.2
  read {
    request  = { method = "POST", reads = true, path = "/router", form = { service = "card.query", assetNos = card.asset } }
    iccid    = reply.xml.response.data.cards.card.iccid
    status   = trimspace("${reply.xml.response.data.cards.card.status} ${try(reply.xml.response.data.cards.card.stopKind, "")}")
    imei     = reply.xml.response.data.cards.card.bindImei
    none     = { imei = reply.xml.response.data.cards.card.bindImei == "", packages = reply.xml.response.data.cards.card.products == "" }
    observed = reply.xml.response.data.cards.card.netImei
    packages = [for p in list(reply.xml.response.data.cards.card.products.product) : {
      id        = p.productCode
      name      = p.productName
      effective = try(parsetime(p.startTime, "YYYY-MM-DD hh:mm:ss", "Asia/Shanghai"), null)
      expires   = p.expireTime == "2099-12-31 23:59:59" ? null : try(parsetime(p.expireTime, "YYYY-MM-DD hh:mm:ss", "Asia/Shanghai"), null)
    }]
  }

  # A hundred cards a request. A card that isn't ours any more has no ICCID here.
  batch {
    size      = 100
    request   = { method = "POST", reads = true, path = "/router", form = { service = "card.query", assetNos = join(",", cards[*].asset) } }
    rows      = list(reply.xml.response.data.cards.card)
    iccid     = row.retCode == "2001" ? one([for c in cards : c.iccid if c.asset == row.assetNo]) : row.iccid
    lifecycle = row.retCode == "2001" ? "not-found" : null
    status    = row.retCode == "2001" ? row.retMsg : trimspace("${row.status} ${try(row.stopKind, "")}")
    imei      = row.bindImei
    none      = { imei = row.bindImei == "", packages = row.products == "" }
    observed  = row.netImei
    packages = [for p in list(row.products.product) : {
      id        = p.productCode
      name      = p.productName
      effective = try(parsetime(p.startTime, "YYYY-MM-DD hh:mm:ss", "Asia/Shanghai"), null)
      expires   = p.expireTime == "2099-12-31 23:59:59" ? null : try(parsetime(p.expireTime, "YYYY-MM-DD hh:mm:ss", "Asia/Shanghai"), null)
    }]
  }

  # 3.3: without products, and without the device in use.
  list {
    request   = { method = "POST", reads = true, path = "/router", form = { service = "card.list", pageNo = page.number, pageSize = page.size } }
    page_size = 200
    total     = reply.xml.response.data.total
    rows      = try(list(reply.xml.response.data.cards.card), [for none in [reply.xml.response.data.cards] : none if none != ""])
    iccid     = row.iccid
    asset     = row.assetNo
    status    = trimspace("${row.status} ${try(row.stopKind, "")}")
    imei      = row.bindImei
    none      = { imei = row.bindImei == "" }
    observed  = null
    packages  = null
  }

  # 3.6
  lifecycle = {
    "库存"        = "inventory"
    "测试期"       = "testing"
    "待激活"       = "pending"
    "正常"        = "active"
    "停机 申请停机"   = "suspended-by-owner"
    "停机 欠费停机"   = { word = "suspended-by-carrier", hint = "top the account up; the card comes back by itself" }
    "停机 机卡分离停机" = { word = "suspended-by-carrier", hint = "it comes back by itself within some minutes, once it is bound to the device that it is in, or back in its own" }
    "停机 违规停机"   = { word = "suspended-by-carrier", hint = "ask Beichen's service desk" }
    "休眠"        = "dormant"
    "预销号"       = "closing"
    "已销号"       = "closed"
  }

  # 3.4, 3.5: an order is taken, and asked after. What is so already has failed by the
  # manual's word, and is done by ours. 9999 may be done or not, so that it is neither.
  change "stop" {
    request = { method = "POST", path = "/router", form = { service = "order.submit", opType = "01", targets = card.asset } }
    wait {
      request = { method = "POST", reads = true, path = "/router", form = { service = "order.query", orderNo = ticket } }
      ticket  = accepted.xml.response.data.orderNo
      until   = reply.xml.response.data.items.item._result == "S" || reply.xml.response.data.items.item._code == "3103"
      failed  = reply.xml.response.data.items.item._result == "F" && contains(["2001", "3104", "3105"], reply.xml.response.data.items.item._code)
      every   = "5s"
      for     = "10m"
    }
  }
  change "resume" {
    request = { method = "POST", path = "/router", form = { service = "order.submit", opType = "02", targets = card.asset } }
    wait {
      request = { method = "POST", reads = true, path = "/router", form = { service = "order.query", orderNo = ticket } }
      ticket  = accepted.xml.response.data.orderNo
      until   = reply.xml.response.data.items.item._result == "S" || reply.xml.response.data.items.item._code == "3103"
      failed  = reply.xml.response.data.items.item._result == "F" && contains(["2001", "3104", "3105"], reply.xml.response.data.items.item._code)
      every   = "5s"
      for     = "10m"
    }
  }
  change "change-bind" {
    request = { method = "POST", path = "/router", form = { service = "order.submit", opType = "03", targets = "${card.asset}:${change.to}" } }
    wait {
      request = { method = "POST", reads = true, path = "/router", form = { service = "order.query", orderNo = ticket } }
      ticket  = accepted.xml.response.data.orderNo
      until   = reply.xml.response.data.items.item._result == "S" || reply.xml.response.data.items.item._code == "3103"
      failed  = reply.xml.response.data.items.item._result == "F" && contains(["2001", "3104", "3105", "3110"], reply.xml.response.data.items.item._code)
      every   = "5s"
      for     = "10m"
    }
  }
  change "unbind" {
    closes_account = false
    request        = { method = "POST", path = "/router", form = { service = "order.submit", opType = "04", targets = card.asset } }
    wait {
      request = { method = "POST", reads = true, path = "/router", form = { service = "order.query", orderNo = ticket } }
      ticket  = accepted.xml.response.data.orderNo
      until   = reply.xml.response.data.items.item._result == "S" || reply.xml.response.data.items.item._code == "3103"
      failed  = reply.xml.response.data.items.item._result == "F" && contains(["2001", "3104", "3105"], reply.xml.response.data.items.item._code)
      every   = "5s"
      for     = "10m"
    }
  }
  # The order's own number, so that what is charged for isn't ordered twice.
  change "subscribe" {
    bills   = "it is charged from the order on"
    request = { method = "POST", path = "/router", form = { service = "order.submit", opType = "05", targets = "${card.asset}:${change.to}", outTradeNo = change.key } }
    wait {
      request = { method = "POST", reads = true, path = "/router", form = { service = "order.query", orderNo = ticket } }
      ticket  = accepted.xml.response.data.orderNo
      until   = reply.xml.response.data.items.item._result == "S" || reply.xml.response.data.items.item._code == "3106"
      failed  = reply.xml.response.data.items.item._result == "F" && contains(["2001", "3104", "3105", "3108"], reply.xml.response.data.items.item._code)
      every   = "5s"
      for     = "10m"
    }
  }
  change "unsubscribe" {
    bills   = "the product ends at once, without a refund"
    request = { method = "POST", path = "/router", form = { service = "order.submit", opType = "06", targets = "${card.asset}:${change.from}" } }
    wait {
      request = { method = "POST", reads = true, path = "/router", form = { service = "order.query", orderNo = ticket } }
      ticket  = accepted.xml.response.data.orderNo
      until   = reply.xml.response.data.items.item._result == "S" || reply.xml.response.data.items.item._code == "3107"
      failed  = reply.xml.response.data.items.item._result == "F" && contains(["2001", "3104", "3105"], reply.xml.response.data.items.item._code)
      every   = "5s"
      for     = "10m"
    }
  }

  # 4: the code of the one card that was asked for, else the request's.
  code       = try(one(list(reply.xml.response.data.cards.card)).retCode, reply.xml.response.code)
  message    = try("${reply.xml.response.data.items.item._code}: ${reply.xml.response.data.items.item._msg}", one(list(reply.xml.response.data.cards.card)).retMsg, reply.xml.response.msg)
  request_id = reply.xml.response.requestId
  outcome "throttled" {
    when        = reply.status == 200 && contains(["9001", "9002"], code)
    retry_after = reply.headers["retry-after"]
  }
  outcome "denied" { when = reply.status == 200 && contains(["1002", "1003", "1005", "1006"], code) }
  outcome "not-found" { when = reply.status == 200 && code == "2001" }
  outcome "refused" { when = reply.status == 200 && contains(["1001", "1004", "3001", "3002", "3003", "3007", "3008"], code) }
  outcome "unavailable" { when = reply.status == 200 && code == "9999" }
  outcome "done" { when = reply.status == 200 && code == "0000" }

  sample "a card that its owner stopped" {
    card    = { iccid = "89860617030017300390", asset = "AM8EM9HRHMSKCHVFYO" }
    setting = { app_key = "BC20260001" }
    now     = "2026-11-29T08:05:09Z"
    sends   = { method = "POST", path = "/router", form = { service = "card.query", assetNos = "AM8EM9HRHMSKCHVFYO", app_key = "BC20260001", timestamp = "20261129160509", v = "2.0" } }
    reply = { xml = <<XML
<?xml version="1.0" encoding="UTF-8"?>
<response><code>0000</code><msg>成功</msg><requestId>bc-0000000017</requestId><serverTime>2026-11-29 16:05:09</serverTime><data><cards><card>
  <assetNo>AM8EM9HRHMSKCHVFYO</assetNo><retCode>0000</retCode><retMsg>成功</retMsg><iccid>89860617030017300390</iccid><status>停机</status><stopKind>申请停机</stopKind>
  <bindImei>867194030000017</bindImei><msisdn>1064633113571</msisdn><imsi>460040017300390</imsi><netImei>8671940300000101</netImei><activeTime>2026-01-01 08:00:00</activeTime>
  <products><product><productCode>100M</productCode><productName>100M 月包</productName><startTime>2026-11-01 00:00:00</startTime><expireTime>2099-12-31 23:59:59</expireTime></product></products>
</card></cards></data></response>
XML
    }
    gives = { lifecycle = "suspended-by-owner", status = "停机 申请停机", imei = "867194030000017", observed = "8671940300000101", packages = ["100M"] }
  }
  sample "a card without a device or a product" {
    card  = { iccid = "898600D6991330004146", asset = "AM8EM9EVZKIFISNFBA" }
    reply = { xml = "<response><code>0000</code><data><cards><card><assetNo>AM8EM9EVZKIFISNFBA</assetNo><retCode>0000</retCode><iccid>898600d6991330004146</iccid><status>正常</status><stopKind/><bindImei/><netImei/><products/></card></cards></data></response>" }
    gives = { lifecycle = "active", status = "正常", imei = "", packages = [] }
  }
  sample "no such card" {
    card  = { iccid = "898600D6991330004146", asset = "AM000000000000000XX" }
    reply = { xml = "<response><code>0000</code><data><cards><card><assetNo>AM000000000000000XX</assetNo><retCode>2001</retCode><retMsg>号卡不存在</retMsg></card></cards></data></response>" }
    gives = { lifecycle = "not-found" }
  }
  sample "a stop" {
    card   = { iccid = "89860617030017300390", asset = "AM8EM9HRHMSKCHVFYO" }
    change = { kind = "stop" }
    sends  = { method = "POST", path = "/router", form = { service = "order.submit", opType = "01", targets = "AM8EM9HRHMSKCHVFYO" } }
    reply  = { xml = "<response><code>0000</code><data><orderNo>WO2026112900000042</orderNo><state>0</state><repeated>N</repeated></data></response>" }
    gives  = { outcome = "done" }
  }
  sample "a resume, too many" {
    card   = { iccid = "89860617030017300390", asset = "AM8EM9HRHMSKCHVFYO" }
    change = { kind = "resume" }
    sends  = { form = { opType = "02" } }
    reply  = { xml = "<response><code>9002</code><msg>接口调用超频</msg></response>" }
    gives  = { outcome = "in doubt" } # by HTTP 200: it is sent again only after a reading that shows the old value
  }
  sample "another device" {
    card   = { iccid = "89860617030017300390", asset = "AM8EM9HRHMSKCHVFYO" }
    change = { kind = "change-bind", from = "867194030000017", to = "867194030000025" }
    sends  = { form = { opType = "03", targets = "AM8EM9HRHMSKCHVFYO:867194030000025" } }
    reply  = { xml = "<response><code>9999</code><msg>系统异常</msg></response>" }
    gives  = { outcome = "unavailable" }
  }
  sample "no device" {
    card   = { iccid = "89860617030017300390", asset = "AM8EM9HRHMSKCHVFYO" }
    change = { kind = "unbind", from = "867194030000017" }
    sends  = { form = { opType = "04", targets = "AM8EM9HRHMSKCHVFYO" } }
    reply  = { xml = "<response><code>1001</code><msg>参数错误: targets</msg></response>" }
    gives  = { outcome = "refused" }
  }
  sample "a product" {
    card   = { iccid = "89860617030017300390", asset = "AM8EM9HRHMSKCHVFYO" }
    change = { kind = "subscribe", to = "100M", key = "0123456789abcdef0123456789abcdef" }
    sends  = { form = { opType = "05", targets = "AM8EM9HRHMSKCHVFYO:100M", outTradeNo = "0123456789abcdef0123456789abcdef" } }
    reply  = { xml = "<response><code>0000</code><data><orderNo>WO2026112900000042</orderNo><state>2</state><repeated>Y</repeated></data></response>" }
    gives  = { outcome = "done" }
  }
  sample "a product less" {
    card   = { iccid = "89860617030017300390", asset = "AM8EM9HRHMSKCHVFYO" }
    change = { kind = "unsubscribe", from = "100M" }
    sends  = { form = { opType = "06", targets = "AM8EM9HRHMSKCHVFYO:100M" } }
    reply  = { xml = "<response><code>1002</code><msg>签名错误</msg></response>" }
    gives  = { outcome = "denied" }
  }
}
