package xuyu

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
)

func TestPathsIntoAReply(t *testing.T) {
	root := json.RawMessage(`{"Data":{"list":[{"id":1},{"id":2}],"null":null,"a":0,"A":1},"text":"x"}`)
	for path, want := range map[string]string{
		"": string(root), "data.list.1.id": "2", "DATA.LIST.0": `{"id":1}`, "Data.A": "1", "Data.a": "0", "text": `"x"`,
	} {
		got, ok := at(root, path)
		assert.True(t, ok, path)
		assert.Equal(t, want, string(got), path)
	}
	for _, path := range []string{"nothing", "data.null", "data.list.2", "data.list.-1", "data.list.x", "text.x", "data.list.0.id.x"} {
		_, ok := at(root, path)
		assert.False(t, ok, path)
	}
	_, ok := at(json.RawMessage("null"), "")
	assert.False(t, ok)
	assert.Equal(t, "data.reply", around("data.reply.code"))
	assert.Equal(t, "", around("code"))
	assert.Equal(t, "code", last("data.code"))
	assert.Equal(t, "code", last("code"))
}

// answering is a gateway whose answers come from the test.
func answering() *gateway {
	return &gateway{Client: &carriercall.Client{}, codes: meanings(), answers: httpMeanings()}
}

// judged is what the gateway makes of an answer to a call.
func judged(g *gateway, c call, status int, body []byte, take func(json.RawMessage) error) *providers.Error {
	return g.Judge(c.named(), carriercall.Answer{Status: status, Body: body}, func(got carriercall.Answer) error {
		return g.outcome(c, got.Status, got.Body, take)
	})
}

func TestOddRepliesAreNamed(t *testing.T) {
	g := answering()
	status := call{operation: modelled()[opStatus]}
	for body, want := range map[string]string{
		"":                     "HTTP 200: the answer is empty",
		"<html><h1>502</h1>":   "the answer is no JSON (18 bytes)",
		`{"operator":"cm`:      "the answer is JSON cut off after 15 bytes",
		`{"status":"0"} ok`:    "the answer is no JSON",
		"null":                 `nothing at ""`,
		"{}":                   "the answer has no status",
		`{"status":" "}`:       "the answer has no status",
		"[]":                   "odd shape",
		`{"status":{"a":"0"}}`: "an object stands where a text should",
		`"0"`:                  "odd shape",
	} {
		var card cardReply
		e := judged(g, status, 200, []byte(body), func(root json.RawMessage) error {
			result, ok := at(root, "")
			if !ok {
				return errors.New(`the answer has nothing at ""`)
			}
			return card.read(result)
		})
		require.NotNil(t, e, body)
		assert.ErrorContains(t, e, want, body)
		assert.Equal(t, providers.Unavailable, e.Cause, body)
	}
}

// fuzzOutcome holds a decoder to: never a panic, every success whole, and
// errors of a line.
func fuzzOutcome(f *testing.F, c call, take func(json.RawMessage) error, whole func() bool, seeds ...string) {
	for _, s := range append(seeds, "", "null", "{}", "[]", "<html>", `{"code":404}`, `{"code":"x","name":"n","description":"d"}`, `{"Code":200,"cODE":422}`) {
		f.Add(200, []byte(s))
		f.Add(502, []byte(s)[:len(s)/2])
	}
	g := answering()
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := judged(g, c, status, body, take)
		if e == nil && (!whole() || status < 200 || status > 299) {
			t.Errorf("HTTP %d %q passed", status, body)
		}
		if e != nil && (len(e.Error()) > 4000 || e.Call == "") {
			t.Errorf("HTTP %d %q: %v", status, body, e)
		}
	})
}

func FuzzStatusReply(f *testing.F) {
	var card cardReply
	fuzzOutcome(f, call{operation: modelled()[opStatus]}, card.read, func() bool { return card.Status != "" },
		`{"iccid":"898600D6991330004146","msisdn":"1064","operator":"cmcc","status":"0"}`, `{"operator":"ctcc","status":-1}`)
}

func FuzzPackagesReply(f *testing.F) {
	var packages packagesReply
	take := func(root json.RawMessage) error {
		v, _ := at(root, "items")
		return packages.read(v)
	}
	fuzzOutcome(f, call{operation: modelled()[opPackages]}, take, func() bool {
		for _, p := range packages {
			if p.ID == "" {
				return false
			}
		}
		return true
	}, `{"items":[{"id":"1","name":"n","effective":"2026-01-01","expire":null}]}`)
}

func FuzzListReply(f *testing.F) {
	var page pageReply
	take := func(root json.RawMessage) error { return page.read(root, "items") }
	fuzzOutcome(f, call{operation: modelled()[opList]}, take, func() bool { return len(page.iccids) == len(page.cards) && page.total >= -1 },
		`{"total":1,"items":[{"iccid":"898600D6991330004146","operator":"cmcc","status":"0"}]}`)
}

func FuzzChangeReply(f *testing.F) {
	p := &provider{gateway: answering()}
	c := call{operation: operation{name: opSubscribe, result: "data.code"}, changing: true}
	done := false
	take := func(root json.RawMessage) error {
		done = false
		if err := p.verdict(c, root); err != nil {
			return err
		}
		done = true
		return p.paid(c, root, wordAt(root, "data", "orderId"))
	}
	fuzzOutcome(f, c, take, func() bool { return done },
		`{"data":{"code":200,"orderId":"1"}}`, `{"data":{"code":true,"payUrl":"https://"}}`, `{"data":{"code":422,"description":"d"}}`)
}
