package cmiot

import (
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
)

const (
	codeOK           = "0"
	codeTokenExpired = "12021"
	codeNoCard       = "12010"
	codeNotThere     = "11011"
	codeWrongState   = "12089"
)

// meanings lists the codes of v5 that are known; the carrier's own table is in
// no public document. GUESS: v2 has the same ones, where it has them at all.
func meanings() map[string]carriercall.Meaning {
	const (
		refused, unavailable, denied = providers.Refused, providers.Unavailable, providers.Denied
		unseen, declined, already    = providers.NeverSeen, providers.Declined, providers.AlreadySo
		operators                    = "ask China Mobile, with the request id"
	)
	return map[string]carriercall.Meaning{
		// COTONDA, but where another source stands beside it.
		"500":            {Cause: unavailable, Text: "the carrier failed within (内部错误)"},
		"11000":          {Cause: refused, Proof: declined, Text: "a parameter is invalid (请求参数错误); please report this"},
		codeNotThere:     {Cause: refused, Proof: declined, Text: "the card is not on the platform; compare its ICCID with the portal's"},
		"12004":          {Cause: denied, Proof: unseen, Text: "transid, appid or token is refused (transId 或 appid 或 token 鉴权失败); check appid and password, and that this machine's address is on the carrier's list"},
		"12009":          {Cause: refused, Proof: declined, Text: "the card belongs to another customer (卡号鉴权失败,不属于此用户); use that customer's appid"},
		codeNoCard:       {Cause: refused, Proof: declined, Text: "the carrier has no such card (卡号鉴权失败,不存在本系统); compare its ICCID with the portal's"},
		codeTokenExpired: {Cause: denied, Proof: unseen, Text: "the token that the carrier has just given is refused (TOKEN不存在或已过期,请重新获取); something else may be using this appid"}, // IOTOS
		"12022":          {Cause: denied, Proof: unseen, Text: "appid or password is wrong (appid 或 password 鉴权不通过); check both"},
		"12034":          {Cause: refused, Proof: declined, Text: "the group belongs to another customer (群组 ID 不属于本企业)"},
		codeWrongState:   {Cause: refused, Proof: declined, Text: "the card's status doesn't allow this (该卡片不是待激活、已激活、已停机,无法进行操作); look at it in the portal"},
		"12098":          {Cause: refused, Proof: declined, Text: "the card was stopped by the carrier, and only what its owner stopped can be resumed by its owner (只有主动申请停机的才允许自主复机); settle the cause with China Mobile"},
		"12141":          {Cause: refused, Proof: declined, Text: "the card was stopped by the carrier, and only what its owner stopped can be resumed by its owner; settle the cause with China Mobile"}, // public clients
		"12099":          {Cause: refused, Proof: declined, Text: "the card's main package has expired (卡片主套餐超出有效期,无法复机); renew it in the portal"},
		"12100":          {Cause: refused, Proof: declined, Text: "the card's package is used up (卡片所属套餐的用量已达量); top it up in the portal, or wait for the next month"},
		"19010":          {Cause: unavailable, Text: "the carrier failed (其他错误,联系管理员); " + operators},
		// IOTOS. The first two are answers of other calls than ours, and the pattern for "already so".
		"12047": {Cause: refused, Proof: already, Text: "it is in the wanted state already"},
		"12048": {Cause: refused, Proof: already, Text: "it is in the wanted state already"},
		"12199": {Cause: refused, Proof: declined, Text: "the card has no region limit"},
	}
}

// throttled is HTTP 429. GUESS: v2's page says that limits exist, and neither
// how they are told nor a code of their own.
func throttled() carriercall.Meaning {
	return carriercall.Meaning{Cause: providers.Throttled, Proof: providers.NeverSeen, Text: "too many calls; lower requests_per_second"}
}

// explain turns a status that isn't 0 into an error.
func (a *account) explain(c carriercall.Call, head *envelope) *providers.Error {
	m, ok := a.codes[string(head.Status)]
	if !ok {
		m = carriercall.Undocumented(string(head.Status), string(head.Message))
	}
	return a.Explain(c, m, string(head.Status), string(head.Message))
}
