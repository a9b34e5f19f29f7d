package xuyu

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
)

const (
	codeOK           = "200"
	codeUnauthorised = "401"
	codeNotFound     = "404"
)

const credentialsMissing = "the subscription key or the token is missing or refused (未授权,因为没有传入subscriptionKey或access_token), " +
	"and a new token was refused as well; check subscription_key and subscription_key_header, then client_id, client_secret and scope"

// meanings are the codes in replies: S003 错误码表, 全局, 流量卡 and 充值卡 (the last
// two list the same four), and of 错误排查 those that a body may hold as well.
func meanings() map[string]carriercall.Meaning {
	const (
		refused, unavailable, denied = providers.Refused, providers.Unavailable, providers.Denied
		unseen, declined             = providers.NeverSeen, providers.Declined
		notOurs                      = "; no call of this program should get this: check operations"
	)
	return map[string]carriercall.Meaning{
		// 全局.
		"422":        {Cause: refused, Proof: declined, Text: "the request's content is wrong (请求实体错误); check the package's id, and operations"},
		"417":        {Cause: unavailable, Text: "the carrier failed within (服务器内部错误)"},
		codeNotFound: {Cause: refused, Proof: declined, Text: "nothing was found (未找到内容); check the card's ICCID and the package's id"},
		// 流量卡 and 充值卡: of transferring and making cards.
		"10000": {Cause: refused, Proof: declined, Text: "the account that should receive the cards doesn't exist (接收人账户不存在)" + notOurs},
		"10001": {Cause: refused, Proof: declined, Text: "the call names no card (卡号不能少于1个)" + notOurs},
		"10002": {Cause: refused, Proof: declined, Text: "the expiry must be later than now (到期时间必须大于当前时间)" + notOurs},
		"10003": {Cause: refused, Proof: declined, Text: "no more than 99,999,999 cards can be made a day (每天最多生成99,999,999张卡)" + notOurs},
		// 错误排查 names these as HTTP statuses.
		codeUnauthorised: {Cause: denied, Proof: unseen, Text: credentialsMissing},
		"500":            {Cause: unavailable, Text: "the carrier failed within (接口内部错误)"},
	}
}

// httpMeanings are answers without a code of the carrier's. 401, 404 and 500
// are S003 错误排查; the others a GUESS, from what HTTP says.
func httpMeanings() map[int]carriercall.Meaning {
	const unseen = providers.NeverSeen
	return map[int]carriercall.Meaning{
		http.StatusUnauthorized: {Cause: providers.Denied, Proof: unseen, Text: credentialsMissing},
		// "404 不存在的服务,请求地址错误" is about the address. An unknown card has the
		// code 404 in its reply (未找到内容), and this has none: taking it for the
		// card would call a whole fleet lost after a typing error in endpoint.
		http.StatusNotFound:            {Cause: providers.Refused, Proof: unseen, Text: "the carrier has no such address (不存在的服务,请求地址错误), which says nothing of the card; check endpoint and operations"},
		http.StatusInternalServerError: {Cause: providers.Unavailable, Text: "the carrier failed within (接口内部错误)"},
		http.StatusForbidden:           {Cause: providers.Denied, Proof: unseen, Text: "the application may not call this; check scope and the application's permissions (应用权限)"},
		http.StatusMethodNotAllowed:    {Cause: providers.Refused, Proof: unseen, Text: "the carrier doesn't take this method here; check operations"},
		http.StatusTooManyRequests:     {Cause: providers.Throttled, Proof: unseen, Text: "too many calls; lower requests_per_second"},
	}
}

// explain turns a code that isn't 200 into an error.
func (g *gateway) explain(c call, h head) *providers.Error {
	m, ok := g.codes[string(h.Code)]
	if !ok {
		m = carriercall.Undocumented(string(h.Code), h.says())
	}
	return g.Explain(c.named(), m, string(h.Code), h.says())
}

// explainHTTP turns an answer without a code of the carrier's into an error.
func (g *gateway) explainHTTP(c call, status int) *providers.Error {
	m, ok := g.answers[status]
	switch {
	case ok:
	case status >= 500 || status == http.StatusRequestTimeout:
		m = carriercall.Meaning{Cause: providers.Unavailable, Text: "the carrier, or something before it, failed within"}
	default:
		m = carriercall.Meaning{Cause: providers.Refused, Text: "an answer without a code of the carrier's; check endpoint and operations"}
	}
	return g.Explain(c.named(), m, httpCode(status), "")
}

func httpCode(status int) string { return fmt.Sprintf("HTTP %d", status) }

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
