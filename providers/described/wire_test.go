package described_test

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

// one is a definition with what a test adds to its carrier.
func one(more string) string {
	return `carrier "o" {
  endpoint = "https://o.example"
  setting "key" {}
` + more + `
}
`
}

// The vectors are of RFC 1321, FIPS 180, GB/T 32905 and, of HMAC, RFC 2202 and RFC
// 4231: key "Jefe". Their base64 is of the same bytes.
func TestEveryHashGivesItsStandardsVector(t *testing.T) {
	for call, want := range map[string]string{
		`md5("abc")`:    "900150983cd24fb0d6963f7d28e17f72",
		`sha1("abc")`:   "a9993e364706816aba3e25717850c26c9cd0d89d",
		`sha256("abc")`: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		`sm3("abc")`:    "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
		`hmac_md5("Jefe", "what do ya want for nothing?")`:    "750c783e6ab0b503eaa86e310a5db738",
		`hmac_sha1("Jefe", "what do ya want for nothing?")`:   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		`hmac_sha256("Jefe", "what do ya want for nothing?")`: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		`md5_base64("abc")`:    "kAFQmDzST7DWlj99KOF/cg==",
		`sha1_base64("abc")`:   "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
		`sha256_base64("abc")`: "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
		`sm3_base64("abc")`:    "Zsfw9GLu7dnR8tRr3BDk4kFnxIdc8veiKX2gK49LqOA=",
		`hmac_md5_base64("Jefe", "what do ya want for nothing?")`:    "dQx4PmqwtQPqqG4xCl23OA==",
		`hmac_sha1_base64("Jefe", "what do ya want for nothing?")`:   "7/zfauXrL6LSdBbV8YTfnCWafHk=",
		`hmac_sha256_base64("Jefe", "what do ya want for nothing?")`: "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=",
		`hex("Ab")`: "4162",
	} {
		t.Run(call, func(t *testing.T) {
			tried(t, one(`
  read {
    request = { path = "/x", headers = { "X-Hash" = `+call+` } }
    status  = reply.json.s
  }
  sample "a hash" {
    card  = { iccid = "8942310000000000001" }
    sends = { headers = { "X-Hash" = "`+want+`" } }
    reply = { json = { s = "1" } }
    gives = { status = "1" }
  }`))
		})
	}
}

// The vectors are those of Telecom's 5G CMP: the manual's own, and others that were
// computed by another program.
func TestTelecoms5GCMPIsSignedAsItsManualSays(t *testing.T) {
	tried(t, one(`
  let {
    ts = time("YYYYMMDDhhmmss", now, "UTC")
  }
  sign {
    text = upper(hex(md5("${sortedquery(request.query)}${request.body}${setting.key}${let.ts}")))
    into = header.Sign
  }
  every { headers = { Timestamp = let.ts } }
  read {
    request = { path = "/x", query = { access_number = card.msisdn } }
    status  = reply.json.s
  }
  change "stop" {
    request = { method = "POST", path = "/x", query = { c = "3", a = "1", b = "2" }, text = "{\"name\":\"xf\",\"age\":\"dd\"}" }
  }
  change "resume" {
    request = {
      method = "POST"
      path   = "/x"
      json   = { accessNumbers = [card.msisdn], custNumber = "CUST001", groupId = "", simStatus = "" }
    }
  }
  change "unbind" {
    request = { method = "POST", path = "/x", query = { orderTypeId = 19, acctCd = "", access_number = card.msisdn } }
  }
  sample "the manual's own" {
    card    = { iccid = "8942310000000000001" }
    change  = { kind = "stop" }
    setting = { key = "d1209cfefe895364e03" }
    now     = "2020-11-01T02:14:35Z"
    sends   = { headers = { Timestamp = "20201101021435", Sign = "3863613035653132306631333231313733383637376333326536316631643934" } }
    reply   = { status = 200 }
    gives   = { outcome = "done" }
  }
  sample "a query" {
    card    = { iccid = "8942310000000000001", msisdn = "14912061160" }
    setting = { key = "testsecret" }
    now     = "2026-11-29T01:05:00Z"
    sends   = { headers = { Sign = "3765313461643539386636613632663735656637336666656638633261636462" } }
    reply   = { json = { s = "1" } }
    gives   = { status = "1" }
  }
  sample "several names, one of them blank" {
    card    = { iccid = "8942310000000000001", msisdn = "14912061160" }
    change  = { kind = "unbind" }
    setting = { key = "testsecret" }
    now     = "2026-11-29T01:05:00Z"
    sends   = { headers = { Sign = "3765666536303835646662613662643365646238323666376136623363343637" } }
    reply   = { status = 200 }
    gives   = { outcome = "done" }
  }
  sample "a JSON body" {
    card    = { iccid = "8942310000000000001", msisdn = "14912061160" }
    change  = { kind = "resume" }
    setting = { key = "testsecret" }
    now     = "2026-11-29T01:05:00Z"
    sends   = { headers = { Sign = "3539356232666531356531633432346435366436663832323439383666306162" } }
    reply   = { status = 200 }
    gives   = { outcome = "done" }
  }`))
}

func TestABodyOfSeveralPartsIsReadByTheStandardLibrary(t *testing.T) {
	var fields map[string][]string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		assert.NoError(t, err)
		assert.Equal(t, "multipart/form-data", kind)
		form, err := multipart.NewReader(r.Body, params["boundary"]).ReadForm(1 << 20)
		if assert.NoError(t, err) {
			fields = form.Value
		}
		answer(w, 200, map[string]any{})
	})
	p := serving(t, well(t, one(`
  read {
    request = { path = "/x" }
    status  = reply.json.s
  }
  change "change-bind" {
    request = { method = "POST", path = "/x", multipart = { iccid = card.iccid, name = "ä\r\n--x", gone = null, many = ["1", "2"] } }
  }`)), h, map[string]any{"key": "a-key-that-is-long"})
	_, err := p.Do(t.Context(), change(spec.ChangeBind, "", another))
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"iccid": {string(iccid)}, "name": {"ä\r\n--x"}, "many": {"1", "2"}}, fields)
}

const lying = `
  encoding = "gb18030"
  read {
    request = { path = "/x" }
    status  = reply.json.s
    reason  = reply.json.why
  }
  lifecycle = { "停机" = "suspended-by-owner" }
  sample "in its charset" {
    card  = { iccid = "8942310000000000001" }
    reply = { json = { s = "停机", why = "欠费㐀" } }
    gives = { status = "停机", lifecycle = "suspended-by-owner" }
  }`

func TestAReplyInAnotherCharsetThanItsHeaderSaysIsRead(t *testing.T) {
	d := tried(t, one(lying))
	p := serving(t, d, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8") // which it isn't
		text, err := simplifiedchinese.GB18030.NewEncoder().String(`{"s": "停机", "why": "欠费㐀"}`)
		assert.NoError(t, err)
		_, _ = io.WriteString(w, text)
	}), map[string]any{"key": "a-key-that-is-long"})
	reading, err := p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, spec.SuspendedByOwner, reading.Lifecycle)
	assert.Equal(t, "欠费㐀", reading.Reason)
}

const keeping = `
  read {
    request = { path = "/x" }
    status  = reply.json.s
    keep    = { version = reply.json.version, gone = reply.json.none }
  }
  lifecycle = { "1" = "active" }
  change "stop" {
    request = { method = "PUT", path = "/x", headers = { If-Match = reading.keep.version }, json = { was = reading.status } }
  }`

func TestAChangeTakesWhatTheReadingRightBeforeItKept(t *testing.T) {
	version, fails := 41, false
	var sent []string
	p := serving(t, well(t, one(keeping)), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, strings.TrimSpace(r.Method+" "+r.Header.Get("If-Match")+" "+string(body)))
		version++
		if fails {
			answer(w, 400, map[string]any{})
			return
		}
		answer(w, 200, map[string]any{"s": 1, "version": version})
	}), map[string]any{"key": "a-key-that-is-long"})
	_, err := p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	_, err = p.Do(t.Context(), change(spec.Stop, "", ""))
	require.NoError(t, err)
	assert.Equal(t, []string{"GET", "GET", `PUT 43 {"was":"1"}`}, sent, "the reading right before it, and no older")

	sent, fails = nil, true
	_, err = p.Do(t.Context(), change(spec.Stop, "", ""))
	require.Error(t, err)
	assert.Equal(t, []string{"GET"}, sent, "a change that takes a reading isn't made where that failed")
}

func TestXMLWithoutOneOfItsElementsMayNotReadAsNone(t *testing.T) {
	text := one(`
  read {
    request = { path = "/x" }
    status  = reply.xml.r.s
    imei    = reply.xml.r.bind.imei
    none    = { imei = NONE }
  }
  sample "bound" {
    card  = { iccid = "8942310000000000001" }
    reply = { xml = "<r><s>1</s><bind><imei>861536030196001</imei></bind></r>" }
    gives = { imei = "861536030196001" }
  }`)
	tried(t, strings.Replace(text, "NONE", `reply.xml.r.bind.imei == "0"`, 1))
	failures := well(t, strings.Replace(text, "NONE", `!can(reply.xml.r.bind.imei)`, 1)).Test()
	var problems []string
	for _, f := range failures {
		problems = append(problems, f.Problem)
	}
	all := strings.Join(problems, "\n")
	assert.Contains(t, all, "the reply without r.bind.imei: it reads as a card that is bound to no device")
	assert.Contains(t, all, "the reply without r.bind: it reads as a card that is bound to no device")
}

// Whoever opens the link pays, at any time: no time that passes shows that the order
// came to nothing.
func TestAnOrderThatWaitsForItsPaymentStaysInDoubt(t *testing.T) {
	text := one(`
  read {
    request = { path = "/x" }
    status  = reply.json.s
  }
  change "subscribe" { request = { method = "POST", path = "/order" } }
  code = reply.json.code
  message = "pay at ${reply.json.payUrl}"
  outcome "LABEL" {
    when  = can(reply.json.payUrl)
    waits = true
  }
  outcome "done" { when = code == "0" }`)
	d := well(t, strings.Replace(text, "LABEL", "unavailable", 1))
	for body, waits := range map[string]bool{`{"code":0,"payUrl":"https://pay.example/1"}`: true, `{"code":0}`: false} {
		p := serving(t, d, providertest.Answers(200, body), map[string]any{"key": "a-key-that-is-long"})
		_, err := p.Do(t.Context(), change(spec.Subscribe, "", "100M"))
		assert.Equal(t, waits, providers.Waits(err), body)
		assert.Equal(t, waits, err != nil && providers.EffectOf(err) == providers.EffectUnknown, body)
		if waits {
			assert.ErrorContains(t, err, "pay at https://pay.example/1")
		}
	}
	_, mistakes := compile(t, strings.Replace(text, "LABEL", "refused", 1))
	assert.Len(t, mistakes, 1)
	assert.Contains(t, mistakes[0], `waits is said of an outcome "unavailable" alone`)
}
