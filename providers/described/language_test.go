package described_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

const waiting = `carrier "w" {
  endpoint = "https://w.example"
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  lifecycle = { "1" = "active", "2" = "suspended-by-owner" }
  change "stop" {
    request = { method = "POST", path = "/stop/${card.iccid}" }
    wait {
      request = { path = "/orders/${ticket}" }
      ticket  = accepted.json.order
      until   = reply.json.state == "done"
      failed  = reply.json.state == "failed"
      every   = "5s"
      for     = "1m"
    }
  }
}
`

// orders is a carrier that accepts a stop, and tells what became of it.
func orders(log *[]string, states ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*log = append(*log, r.Method+" "+r.URL.Path)
		if r.Method == http.MethodPost {
			answer(w, 202, map[string]any{"order": 4711})
			return
		}
		state := states[0]
		if len(states) > 1 {
			states = states[1:]
		}
		answer(w, 200, map[string]any{"state": state})
	})
}

func TestAnAcceptedChangeIsWaitedForAndItsTicketIsWrittenDownFirst(t *testing.T) {
	for name, row := range map[string]struct {
		states []string
		proof  providers.Proof
		fails  string
		asked  int
	}{
		"done":    {states: []string{"new", "new", "done"}, asked: 3},
		"failed":  {states: []string{"new", "failed"}, proof: providers.Declined, fails: "it failed there", asked: 2},
		"neither": {states: []string{"new"}, proof: providers.ProvesNothing, fails: "not known to be done", asked: 12},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log []string
				p := providertest.OpenOn(t, well(t, waiting).Type(), providertest.Env(providertest.InProcess{Handler: orders(&log, row.states...)}, nil))
				c := change(spec.Stop, "", "")
				c.Accepted = func(_ context.Context, ticket string) error {
					log = append(log, "ticket "+ticket)
					return nil
				}
				_, err := p.Do(t.Context(), c)
				if row.fails == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, row.fails)
					assert.Equal(t, row.proof, providers.ProofOf(err))
					assert.Equal(t, name == "neither", providers.Accepted(err))
				}
				assert.Equal(t, []string{"POST /stop/" + string(iccid), "ticket 4711", "GET /orders/4711"}, log[:3])
				assert.Len(t, log, 2+row.asked)

				log = nil
				c.Ticket = "4711"
				_, _ = p.Do(t.Context(), c) // as a later run does
				assert.NotContains(t, strings.Join(log, " "), "POST", "it goes on waiting, and sends nothing")
			})
		})
	}
}

// What a wait's request takes of the answer is there for a later run, too, or validate says
// that it isn't.
func TestALaterRunAsksByTheTicketHoweverTheRequestNamesIt(t *testing.T) {
	const byTicket, ticket = "${ticket}", "      ticket  = accepted.json.order\n"
	for name, text := range map[string]string{
		"by ticket":                    waiting,
		"by what the ticket is":        strings.Replace(waiting, byTicket, "${accepted.json.order}", 1),
		"with a key for the name":      strings.Replace(waiting, byTicket, `${accepted.json["order"]}`, 1),
		"where no ticket is said":      strings.Replace(strings.Replace(waiting, byTicket, "${accepted.json.order}", 1), ticket, "", 1),
		"in a query, beside the other": strings.Replace(waiting, `"/orders/${ticket}"`, `"/orders/${ticket}", query = { o = accepted.json.order }`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log []string
				p := providertest.OpenOn(t, well(t, text).Type(), providertest.Env(providertest.InProcess{Handler: orders(&log, "done")}, nil))
				c := change(spec.Stop, "", "")
				given := ""
				c.Accepted = func(_ context.Context, ticket string) error { given = ticket; return nil }
				_, err := p.Do(t.Context(), c)
				require.NoError(t, err)
				assert.Equal(t, "4711", given)
				c.Ticket, log = given, nil
				_, err = p.Do(t.Context(), c) // as a later run does
				require.NoError(t, err)
				assert.Equal(t, []string{"GET /orders/4711"}, log)
			})
		})
	}
	for name, text := range map[string]string{
		"another name":             strings.Replace(waiting, byTicket, "${accepted.json.job}", 1),
		"two names, and no ticket": strings.Replace(strings.Replace(waiting, byTicket, "${accepted.json.a}/${accepted.json.b}", 1), ticket, "", 1),
		"all of the answer":        strings.Replace(strings.Replace(waiting, byTicket, "${jsonencode(accepted.json)}", 1), ticket, "", 1),
		"a ticket that is made":    strings.Replace(strings.Replace(waiting, byTicket, "${accepted.json.order}", 1), "= accepted.json.order", `= "n-${accepted.json.order}"`, 1),
	} {
		_, mistakes := compile(t, text)
		assert.Contains(t, strings.Join(mistakes, "\n"), "Not known to a later run", name)
	}
}

func TestHTTPs202IsOnlyAcceptedWhereTheDefinitionSaysNothingOfWhen(t *testing.T) {
	const plain = `carrier "w" {
  endpoint = "https://w.example"
  %s
  read {
    request = { path = "/cards/${card.iccid}" }
    status  = reply.json.status
  }
  lifecycle = { "1" = "active", "2" = "suspended-by-owner" }
  change "stop" { request = { method = "POST", path = "/stop/${card.iccid}" } }
}
`
	for name, row := range map[string]struct {
		limits   string
		status   int
		accepted bool
	}{
		"202":             {"", 202, true},
		"200":             {"", 200, false},
		"202, and settle": {"limits { settle = \"30s\" }", 202, false},
	} {
		t.Run(name, func(t *testing.T) {
			carrier := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, row.status, map[string]any{}) })
			p := providertest.OpenOn(t, well(t, fmt.Sprintf(plain, row.limits)).Type(), providertest.Env(providertest.InProcess{Handler: carrier}, nil))
			receipt, err := p.Do(t.Context(), change(spec.Stop, "", ""))
			require.NoError(t, err)
			assert.Equal(t, row.accepted, receipt.Accepted)
		})
	}
}

// tried is a definition whose samples say what it sends and understands.
func tried(t *testing.T, text string) *described.Definition {
	t.Helper()
	d := well(t, text)
	assert.Empty(t, d.Test())
	return d
}

func TestRequestsAreMadeAsTheLanguageSays(t *testing.T) {
	tried(t, `carrier "r" {
  endpoint = "https://r.example"
  setting "key" {}
  every {
    headers = { "X-Key" = setting.key, "X-Gone" = null }
    query   = { v = 1 }
  }
  let {
    ts = time("YYYYMMDDhhmmssSSS", now, "Asia/Shanghai")
  }
  sign {
    text = hmac_sha256(setting.key, "${sortedquery(request.query)}&${let.ts}")
    into = header.X-Sign
  }
  read {
    request = { path = "/a b/${card.msisdn}", query = { ts = let.ts, gone = null, many = ["1", "2"] } }
    status  = reply.json.s
  }
  change "change-bind" {
    request = { method = "PUT", path = "/x", json = { imei = null, label = card.imei == null ? omit : "l", n = 1, on = true } }
  }
  change "stop" { request = { method = "POST", path = "/x", form = { a = "ä&b", gone = null } } }
  change "resume" { request = { method = "POST", path = "/x?on=${card.msisdn}&both=path", query = { both = "query" } } }
  sample "a query in the path" {
    card   = { iccid = "8942310000000000001", msisdn = "1&2" }
    change = { kind = "resume" }
    sends  = { path = "/x", query = { v = "1", on = "1&2", both = "query" } }
    reply  = { status = 200 }
    gives  = { outcome = "done" }
  }
  sample "read" {
    card    = { iccid = "8942310000000000001", msisdn = "1/2?3" }
    setting = { key = "k3y-of-the-sample" }
    now     = "2026-11-29T08:00:00.123Z"
    sends   = {
      path    = "/a b/1%2F2%3F3"
      query   = { v = "1", ts = "20261129160000123", gone = null, many = "1" }
      headers = { "X-Key" = "k3y-of-the-sample", "X-Gone" = null }
    }
    reply = { json = { s = 1 } }
    gives = { status = "1", lifecycle = "unknown" }
  }
  sample "json" {
    card   = { iccid = "8942310000000000001" }
    change = { kind = "change-bind", to = "861536030196001" }
    sends  = { method = "PUT", json = { imei = null, n = 1, on = true } }
    reply  = { status = 200 }
    gives  = { outcome = "done" }
  }
  sample "form" {
    card   = { iccid = "8942310000000000001" }
    change = { kind = "stop" }
    sends  = { body = "a=%C3%A4%26b", query = { v = "1" } }
    reply  = { status = 500 }
    gives  = { outcome = "in doubt" }
  }
}
`)
}

// What a condition leaves out is left out, and what it chooses in its place is sent,
// null too.
func TestOmitLeavesOutOnlyWhatIsChosen(t *testing.T) {
	tried(t, `carrier "o" {
  endpoint = "https://o.example"
  setting "note" { default = "" }
  read {
    request = { path = "/x", query = { q = card.msisdn == "1" ? omit : card.msisdn, s = setting.note == "" ? omit : "n" } }
    status  = reply.json.s
    keep    = { label = reply.json.label }
  }
  change "change-bind" {
    request = {
      method = "PUT", path = "/x"
      json = {
        label = reading.keep.label == "" ? omit : reading.keep.label, on = card.msisdn == "1" ? omit : true
        list = [omit, 1, card.msisdn == "1" ? omit : 2]
      }
    }
  }
  sample "nothing is chosen" {
    card   = { iccid = "8942310000000000001", msisdn = "1" }
    change = { kind = "change-bind", to = "861536030196001" }
    reading = { keep = { label = "" } }
    sends  = { body = "{\"list\":[1]}" }
    reply  = { status = 200 }
    gives  = { outcome = "done" }
  }
  sample "all is chosen" {
    card   = { iccid = "8942310000000000001", msisdn = "2" }
    change = { kind = "change-bind", to = "861536030196001" }
    reading = { keep = { label = "l" } }
    sends  = { body = "{\"label\":\"l\",\"list\":[1,2],\"on\":true}" }
    reply  = { status = 200 }
    gives  = { outcome = "done" }
  }
  sample "null is chosen" {
    card   = { iccid = "8942310000000000001", msisdn = "2" }
    change = { kind = "change-bind", to = "861536030196001" }
    reading = { keep = { label = null } }
    sends  = { body = "{\"label\":null,\"list\":[1,2],\"on\":true}" }
    reply  = { status = 200 }
    gives  = { outcome = "done" }
  }
  sample "a query" {
    card  = { iccid = "8942310000000000001", msisdn = "1" }
    sends = { query = { q = null, s = null } }
    reply = { json = { s = 1 } }
    gives = { status = "1" }
  }
  sample "another query" {
    card    = { iccid = "8942310000000000001", msisdn = "2" }
    setting = { note = "x" }
    sends   = { query = { q = "2", s = "n" } }
    reply   = { json = { s = 1 } }
    gives   = { status = "1" }
  }
}
`)
}

func TestXMLIsReadByLocalNames(t *testing.T) {
	tried(t, `carrier "m" {
  endpoint = "https://m.example"
  read {
    request  = { path = "/${card.iccid}" }
    status   = reply.xml.Envelope.Body.card._state
    imei     = reply.xml.Envelope.Body.card.imei
    packages = [for p in list(reply.xml.Envelope.Body.card.plan) : p.id]
  }
  lifecycle = { "1" = "active" }
  sample "several" {
    card  = { iccid = "8942310000000000001" }
    reply = { xml = "<s:Envelope xmlns:s=\"x\"><s:Body><card state=\"1\"><imei>861536030196001</imei><plan><id>b</id></plan><plan><id>a</id></plan></card></s:Body></s:Envelope>" }
    gives = { lifecycle = "active", imei = "861536030196001", packages = ["a", "b"] }
  }
  sample "one" {
    card  = { iccid = "8942310000000000001" }
    reply = { xml = "<Envelope><Body><card state=\"1\"><imei/><plan><id>a</id></plan></card></Body></Envelope>" }
    gives = { lifecycle = "active", imei = null, packages = ["a"] }
  }
}
`)
}

func TestAListEndsWhereItSaysAndAShortOneIsAnError(t *testing.T) {
	for name, row := range map[string]struct {
		end   string
		pages []string
		cards int
		fails string
	}{
		"total":            {end: `total = reply.json.total`, pages: []string{`{"total": 3, "rows": [1, 2]}`, `{"total": 3, "rows": [3]}`}, cards: 3},
		"a short total":    {end: `total = reply.json.total`, pages: []string{`{"total": 3, "rows": [1, 2]}`, `{"total": 3, "rows": []}`}, fails: "says that more follow"},
		"next":             {end: `next = try(reply.json.next, null)`, pages: []string{`{"next": "b", "rows": [1]}`, `{"rows": [2, 2]}`}, cards: 2},
		"the same next":    {end: `next = try(reply.json.next, null)`, pages: []string{`{"next": "b", "rows": [1]}`, `{"next": "b", "rows": [2]}`}, fails: "next is the same twice"},
		"more":             {end: `more = reply.json.more`, pages: []string{`{"more": true, "rows": [1]}`, `{"more": "false", "rows": [2]}`}, cards: 2},
		"more, not told":   {end: `more = reply.json.more`, pages: []string{`{"rows": [1]}`}, fails: "doesn't tell whether a page follows"},
		"more of the same": {end: `more = length(reply.json.rows) > 0`, pages: []string{`{"rows": [1, 2]}`, `{"rows": [2, 3]}`, `{"rows": [2, 3]}`}, fails: "only what the pages before it had"},
		"no rows are told": {end: `pages = reply.json.pages`, pages: []string{`{"pages": 1}`}, fails: "doesn't tell the list's rows"},
	} {
		t.Run(name, func(t *testing.T) {
			d := well(t, fmt.Sprintf(`carrier "l" {
  endpoint = "https://l.example"
  read {
    request = { path = "/${card.iccid}" }
    status  = reply.json.s
  }
  list {
    request   = { path = "/list", query = { page = page.number, next = page.next, offset = page.offset } }
    page_size = 2
    rows      = reply.json.rows
    iccid     = "894231000000000000${row}"
    status    = "1"
    %s
  }
  lifecycle = { "1" = "active" }
}
`, row.end))
			p := serving(t, d, providertest.Answers(200, row.pages...), nil)
			cards := 0
			err := p.(providers.Lister).List(t.Context(), func(r spec.Reading) error {
				assert.Equal(t, spec.Active, r.Lifecycle)
				cards++
				return nil
			})
			if row.fails != "" {
				require.ErrorContains(t, err, row.fails)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, row.cards, cards)
		})
	}
}

func TestWhereNoneOfTheFirstCardsIsFoundTheCarrierCantBeRead(t *testing.T) {
	d := well(t, strings.Replace(waiting, "  lifecycle", "  outcome \"not-found\" { when = reply.status == 404 }\n  lifecycle", 1))
	p := serving(t, d, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, 404, map[string]any{"no": "such"}) }), nil)
	wants := make([]providers.Want, 40)
	for i := range wants {
		wants[i].ICCID = spec.ICCID(fmt.Sprintf("89423100000000%05d", i))
	}
	readings, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{Parallel: 1})
	var lost *providers.CarrierError
	require.ErrorAs(t, err, &lost)
	for _, r := range readings {
		assert.NotEmpty(t, r.Unread)
	}
	page := serving(t, d, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", 404) }), nil)
	_, err = page.Read(t.Context(), iccid, 0)
	require.Error(t, err, "a page of a proxy's says nothing of the card")
}

func TestAChangeMarkedIrreversibleIsFinalAndPriorIsBelievedOfTheProgramsAlone(t *testing.T) {
	text := strings.Replace(waiting, `  change "stop" {`, "  change \"stop\" {\n    irreversible = true\n    names_prior  = true\n    bills        = \"5 CNY\"", 1)
	able := well(t, text).Capabilities()
	assert.Equal(t, []spec.Kind{spec.Stop}, able.Final)
	assert.Empty(t, able.NamesPrior)
	assert.Equal(t, "5 CNY", able.Bills[spec.Stop])
	assert.True(t, able.Change(spec.Stop, "", "").Irreversible())
	assert.Equal(t, []spec.Kind{spec.Stop}, described.Embedded("w.carrier.hcl", text).Capabilities().NamesPrior)
}
