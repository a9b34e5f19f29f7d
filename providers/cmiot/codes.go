package cmiot

import (
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/providers"
)

const (
	codeOK           = "0"
	codeTokenExpired = "12021"
	codeNoCard       = "12010"
	codeNotThere     = "11011"
	codeWrongState   = "12089"
)

// meaning is what a code says. Whether a call is repeated follows from its
// cause and effect: throttled and unavailable ones pass later.
type meaning struct {
	cause providers.Cause
	// unsure: a changing call that got this answer may have had its effect.
	unsure bool
	// already: what the call asks for is so.
	already bool
	text    string // in plain English; the carrier's words in brackets; what to do
}

// meanings lists the codes of v5 that are known; the carrier's own table is in
// no public document. GUESS: v2 has the same ones, where it has them at all.
func meanings() map[string]meaning {
	const (
		refused, unavailable, denied = providers.Refused, providers.Unavailable, providers.Denied
		operators                    = "ask China Mobile, with the request id"
	)
	return map[string]meaning{
		// COTONDA, but where another source stands beside it.
		"500":            {cause: unavailable, unsure: true, text: "the carrier failed within (内部错误)"},
		"11000":          {cause: refused, text: "a parameter is invalid (请求参数错误); please report this"},
		codeNotThere:     {cause: refused, text: "the card is not on the platform; compare its ICCID with the portal's"},
		"12004":          {cause: denied, text: "transid, appid or token is refused (transId 或 appid 或 token 鉴权失败); check appid and password, and that this machine's address is on the carrier's list"},
		"12009":          {cause: refused, text: "the card belongs to another customer (卡号鉴权失败,不属于此用户); use that customer's appid"},
		codeNoCard:       {cause: refused, text: "the carrier has no such card (卡号鉴权失败,不存在本系统); compare its ICCID with the portal's"},
		codeTokenExpired: {cause: denied, text: "the token that the carrier has just given is refused (TOKEN不存在或已过期,请重新获取); something else may be using this appid"}, // IOTOS
		"12022":          {cause: denied, text: "appid or password is wrong (appid 或 password 鉴权不通过); check both"},
		"12034":          {cause: refused, text: "the group belongs to another customer (群组 ID 不属于本企业)"},
		codeWrongState:   {cause: refused, text: "the card's status doesn't allow this (该卡片不是待激活、已激活、已停机,无法进行操作); look at it in the portal"},
		"12098":          {cause: refused, text: "the card was stopped by the carrier, and only what its owner stopped can be resumed by its owner (只有主动申请停机的才允许自主复机); settle the cause with China Mobile"},
		"12141":          {cause: refused, text: "the card was stopped by the carrier, and only what its owner stopped can be resumed by its owner; settle the cause with China Mobile"}, // public clients
		"12099":          {cause: refused, text: "the card's main package has expired (卡片主套餐超出有效期,无法复机); renew it in the portal"},
		"12100":          {cause: refused, text: "the card's package is used up (卡片所属套餐的用量已达量); top it up in the portal, or wait for the next month"},
		"19010":          {cause: unavailable, unsure: true, text: "the carrier failed (其他错误,联系管理员); " + operators},
		// IOTOS. The first two are answers of other calls than ours, and the pattern for "already so".
		"12047": {cause: refused, already: true, text: "it is in the wanted state already"},
		"12048": {cause: refused, already: true, text: "it is in the wanted state already"},
		"12199": {cause: refused, text: "the card has no region limit"},
	}
}

// explain turns a status that isn't 0 into an error. hide is what must not show.
func explain(table map[string]meaning, c call, head *envelope, hide *strings.Replacer) *providers.Error {
	code := string(head.Status)
	m, ok := table[code]
	if !ok {
		// A code in no document: nothing is known of how far the call got.
		m = meaning{cause: providers.Refused, unsure: true, text: fmt.Sprintf("a code that no document has; the carrier says %q", shorten(hide.Replace(string(head.Message))))}
		code = shorten(hide.Replace(code))
	}
	effect := providers.EffectNone
	if c.changing && m.unsure {
		effect = providers.EffectUnknown
	}
	return &providers.Error{Call: c.name, Code: code, Message: m.text, Effect: effect, Cause: m.cause}
}

// shorten keeps a foreign text to a length that a line can hold.
func shorten(s string) string {
	const most = 120
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}
