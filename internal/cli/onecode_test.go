package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// monotone is a carrier that gives one answer to every call.
type monotone struct {
	page   string // of docs/providers, whose tables have the codes
	block  string
	reply  func(code, says string) string
	token  string   // the path that tokens come from; "" where there are none
	tokens string   // what it says there, where it gives them
	absent []string // codes that say in the carrier's own words that it has no such card
}

func monotones() map[string]monotone {
	alibaba := func(code, says string) string {
		return fmt.Sprintf(`{"RequestId":"8906582E","HostId":"x","Code":%s,"Message":%s}`, quoted(code), quoted(says))
	}
	return map[string]monotone{
		"aliyun":          {page: "aliyun", reply: alibaba, absent: []string{"isv.IOT_RES_NOT_EXIST"}},
		"aliyun_linkcard": {page: "aliyun_linkcard", reply: alibaba, absent: []string{"IccidNotExist"}},
		"cmiot": {
			page: "cmiot", block: "appid = \"100001\"\npassword = \"secret\"\n", absent: []string{"12010", "11011"},
			reply: func(code, says string) string {
				return fmt.Sprintf(`{"status":%s,"message":%s,"result":[]}`, quoted(code), quoted(says))
			},
			token: "/v5/ec/get/token", tokens: `{"status":"0","message":"正确","result":[{"token":"T","ttl":"3600"}]}`,
		},
		"xuyu": {
			page: "xuyu", block: "client_id = \"c\"\nclient_secret = \"s\"\nsubscription_key = \"k\"\ntoken_endpoint = \"${var.carrier_url}/connect/token\"\n",
			reply: func(code, says string) string {
				return fmt.Sprintf(`{"code":%s,"name":%s}`, quoted(code), quoted(says))
			},
			absent: []string{"404"}, token: "/connect/token", tokens: `{"access_token":"T","expires_in":3600,"token_type":"Bearer"}`,
		},
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// documentedCodes are those of the tables of the provider's page.
func documentedCodes(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/providers/" + page + ".md")
	require.NoError(t, err)
	var codes []string
	for _, line := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (refused|denied|throttled|unavailable|prior|done) \\|").FindAllStringSubmatch(string(text), -1) {
		codes = append(codes, line[1])
	}
	require.Greater(t, len(codes), 5)
	return codes
}

// refrain is what a carrier says to everything.
type refrain struct {
	status int
	body   string
	tokens bool // but for tokens, which it gives
}

// facing is a rig whose carrier says one thing to everything, and a fleet of so many cards.
func (m monotone) facing(t testing.TB, provider string, cards int, a refrain) *rig {
	t.Helper()
	r := newRig(t, &carriersim.World{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if a.tokens && req.URL.Path == m.token {
			_, _ = w.Write([]byte(m.tokens)) // whoever hung up needs no answer
			return
		}
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body)) // as above
	}))
	t.Cleanup(server.Close)
	r.env["CARDFLEET_VAR_carrier_url"] = server.URL
	var b strings.Builder
	fmt.Fprintf(&b, "variable \"carrier_url\" {}\nprovider %q {\nendpoint = var.carrier_url\nrequests_per_second = 100000\n%s}\n", provider, m.block)
	for i := range cards {
		fmt.Fprintf(&b, "card \"m%04d\" {\n  iccid = %q\n  active = true\n}\n", i, meter(i))
	}
	r.write("main.fleet.hcl", b.String())
	return r
}

// neverPasses holds that no plan of a carrier that says this to everything is whole, and
// that no apply says that all is well.
func (m monotone) neverPasses(t testing.TB, provider string, cards int, a refrain) {
	t.Helper()
	r := m.facing(t, provider, cards, a)
	got := r.run("plan")
	assert.Equal(t, 1, got.code, "%s, %d cards, %+v: plan\n%s%s", provider, cards, a, got.out, got.errors)
	assert.Contains(t, got.out, "could not be read at all", "%s, %d cards, %+v", provider, cards, a)
	assert.Contains(t, got.out, "this plan is incomplete", "%s, %d cards, %+v", provider, cards, a)
	got = r.run("apply", "-auto-approve")
	assert.Equal(t, 1, got.code, "%s, %d cards, %+v: apply\n%s%s", provider, cards, a, got.out, got.errors)
}

func TestNoCodeForEverythingMakesACompletePlan(t *testing.T) {
	for provider, m := range monotones() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			for _, code := range documentedCodes(t, m.page) {
				if slices.Contains(m.absent, code) {
					continue
				}
				m.neverPasses(t, provider, 3, refrain{200, m.reply(code, "words"), true})
			}
			for _, status := range []int{200, 204, 302, 400, 401, 403, 404, 405, 418, 429, 451, 500, 502, 503} {
				for _, body := range []string{"", "<html>", `{"message":"Resource not found"}`, `{"statusCode":404,"message":"Resource not found"}`} {
					m.neverPasses(t, provider, 25, refrain{status, body, true})
				}
			}
		})
	}
}

func TestNoInventedCodeMakesACompletePlan(t *testing.T) {
	carriers := monotones()
	rapid.Check(t, func(rt *rapid.T) {
		provider := rapid.SampledFrom(slices.Sorted(func(yield func(string) bool) {
			for name := range carriers {
				if !yield(name) {
					return
				}
			}
		})).Draw(rt, "provider")
		m := carriers[provider]
		code := rapid.OneOf(
			rapid.StringMatching(`(isv|isp|Missing|Invalid|Forbidden|Throttling)?[._]?[A-Za-z_.]{1,12}`), rapid.StringMatching(`[1-9][0-9]{0,5}`), rapid.String(),
		).Filter(func(code string) bool { return !slices.Contains(m.absent, code) }).Draw(rt, "code")
		says := rapid.SampledFrom([]string{"", "无权限", "触发业务流控", "you may not"}).Draw(rt, "says")
		status := rapid.SampledFrom([]int{200, 400, 403, 404, 500}).Draw(rt, "status")
		cards := rapid.SampledFrom([]int{1, 2, 19, 20, 21, 60}).Draw(rt, "cards")
		m.neverPasses(t, provider, cards, refrain{status, m.reply(code, says), rapid.Bool().Draw(rt, "tokens")})
		if t.Failed() {
			rt.Fatalf("%s: code %q", provider, code)
		}
	})
}

// What the carrier says of a card in its own words is about the card.
func TestNotFoundInTheCarriersOwnWordsIsAboutTheCards(t *testing.T) {
	for provider, m := range monotones() {
		for _, code := range m.absent {
			r := m.facing(t, provider, 25, refrain{200, m.reply(code, "words"), true})
			got := r.want(2, r.run("plan", "-detailed-exitcode"))
			assert.NotContains(t, got.out, "incomplete", provider)
			assert.Contains(t, got.out, "Card not found", provider)
		}
	}
}

// The error says which code it was, what it may mean, and what to do.
func TestOneCodeForAllCardsIsNamedWithWhatToDo(t *testing.T) {
	m := monotones()["aliyun"]
	r := m.facing(t, "aliyun", 60, refrain{200, m.reply("isv.RAM_PERMISSION_DENY", "无权限"), true})
	got := r.want(1, r.run("plan"))
	flat := strings.Join(strings.Fields(got.out), " ")
	assert.Contains(t, flat, "aliyun could not be read at all: the carrier refused the first 20 cards with one code and told of none, "+
		"QueryCardStatus: isv.RAM_PERMISSION_DENY: the caller has no right on the card")
	assert.Contains(t, flat, "the account may lack a right or have passed a limit")
	assert.Contains(t, flat, "compare them with the carrier's console, ask the carrier by code and request, and plan again.")
	assert.Contains(t, flat, "Its 60 cards are unread")
	assert.Contains(t, flat, "0 unchanged, 0 needs attention, 60 unread")
}
