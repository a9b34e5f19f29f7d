package xuyu

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/cardfleet/cardfleet/providers"
)

const (
	codeOK           = "200"
	codeUnauthorised = "401"
	codeNotFound     = "404"
)

// meaning is what a code says. Whether a call is repeated follows from its
// cause and effect: throttled and unavailable ones pass later.
type meaning struct {
	cause providers.Cause
	// unsure: a changing call that got this answer may have had its effect.
	unsure bool
	text   string // in plain English; the carrier's words in brackets; what to do
}

const credentialsMissing = "the subscription key or the token is missing or refused (未授权,因为没有传入subscriptionKey或access_token), " +
	"and a new token was refused as well; check subscription_key and subscription_key_header, then client_id, client_secret and scope"

// meanings are the codes in replies: S003 错误码表, 全局, 流量卡 and 充值卡 (the last
// two list the same four), and of 错误排查 those that a body may hold as well.
func meanings() map[string]meaning {
	const (
		refused, unavailable, denied = providers.Refused, providers.Unavailable, providers.Denied
		sure, unsure                 = false, true
		notOurs                      = "; no call of this program should get this: check operations"
	)
	return map[string]meaning{
		// 全局.
		"422":        {refused, sure, "the request's content is wrong (请求实体错误); check the package's id, and operations"},
		"417":        {unavailable, unsure, "the carrier failed within (服务器内部错误)"},
		codeNotFound: {refused, sure, "nothing was found (未找到内容); check the card's ICCID and the package's id"},
		// 流量卡 and 充值卡: of transferring and making cards.
		"10000": {refused, sure, "the account that should receive the cards doesn't exist (接收人账户不存在)" + notOurs},
		"10001": {refused, sure, "the call names no card (卡号不能少于1个)" + notOurs},
		"10002": {refused, sure, "the expiry must be later than now (到期时间必须大于当前时间)" + notOurs},
		"10003": {refused, sure, "no more than 99,999,999 cards can be made a day (每天最多生成99,999,999张卡)" + notOurs},
		// 错误排查 names these as HTTP statuses.
		codeUnauthorised: {denied, sure, credentialsMissing},
		"500":            {unavailable, unsure, "the carrier failed within (接口内部错误)"},
	}
}

// httpMeanings are answers without a code of the carrier's. 401, 404 and 500
// are S003 错误排查; the others a GUESS, from what HTTP says.
func httpMeanings() map[int]meaning {
	return map[int]meaning{
		http.StatusUnauthorized: {providers.Denied, false, credentialsMissing},
		// "404 不存在的服务,请求地址错误" is about the address. An unknown card has the
		// code 404 in its reply (未找到内容), and this has none: taking it for the
		// card would call a whole fleet lost after a typing error in endpoint.
		http.StatusNotFound:            {providers.Refused, false, "the carrier has no such address (不存在的服务,请求地址错误), which says nothing of the card; check endpoint and operations"},
		http.StatusInternalServerError: {providers.Unavailable, true, "the carrier failed within (接口内部错误)"},
		http.StatusForbidden:           {providers.Denied, false, "the application may not call this; check scope and the application's permissions (应用权限)"},
		http.StatusMethodNotAllowed:    {providers.Refused, false, "the carrier doesn't take this method here; check operations"},
		http.StatusTooManyRequests:     {providers.Throttled, false, "too many calls; lower requests_per_second"},
	}
}

// explain turns a code that isn't 200 into an error.
func (g *gateway) explain(c call, h head) *providers.Error {
	code := string(h.Code)
	m, ok := g.codes[code]
	if !ok {
		// A code in no document: nothing is known of how far the call got.
		m = meaning{cause: providers.Refused, unsure: true, text: fmt.Sprintf("a code that no document has; the carrier says %q", shorten(g.veil.hide(h.says())))}
	}
	return m.of(c, shorten(g.veil.hide(code)))
}

// explainHTTP turns an answer without a code of the carrier's into an error.
func (g *gateway) explainHTTP(c call, status int) *providers.Error {
	m, ok := g.answers[status]
	switch {
	case ok:
	case status >= 500 || status == http.StatusRequestTimeout:
		m = meaning{cause: providers.Unavailable, unsure: true, text: "the carrier, or something before it, failed within"}
	default:
		m = meaning{cause: providers.Refused, unsure: true, text: "an answer without a code of the carrier's; check endpoint and operations"}
	}
	return m.of(c, httpCode(status))
}

func httpCode(status int) string { return fmt.Sprintf("HTTP %d", status) }

func (m meaning) of(c call, code string) *providers.Error {
	e := &providers.Error{Call: c.name, Code: code, Message: m.text, Effect: providers.EffectNone, Cause: m.cause}
	if c.changing && m.unsure {
		e.Effect = providers.EffectUnknown
	}
	return e
}

// says is the carrier's text beside a code.
func (h head) says() string {
	var said []string
	for _, t := range []text{h.Name, h.Description, h.Message} {
		if t != "" {
			said = append(said, string(t))
		}
	}
	return strings.Join(said, " ")
}
