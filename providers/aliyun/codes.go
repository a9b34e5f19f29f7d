package aliyun

import (
	"fmt"
	"strings"

	"github.com/cardfleet/cardfleet/providers"
)

const (
	codeOK       = "OK"
	codeNoCard   = "isv.IOT_RES_NOT_EXIST"
	codeHasIMEI  = "isv.IMEI_EXIST"
	codeThrottle = "Throttling"
)

// meaning is what a code says. Whether a call is repeated follows from its
// cause and effect: throttled and unavailable ones pass later.
type meaning struct {
	cause providers.Cause
	// unsure: a changing call that got this answer may have had its effect.
	unsure bool
	text   string // in plain English; the carrier's words in brackets; what to do
}

// meanings lists the documented codes of both APIs: Dyiotapi's from the
// error tables of QueryCardStatus and DoIotChgBindOrUnBind (2019-07), Dyplsapi's
// from QueryCallStatus (2018-10), the gateway's from ALIDOC 25491 "common errors".
func meanings() map[string]meaning {
	const (
		refused, throttled     = providers.Refused, providers.Throttled
		unavailable, denied    = providers.Unavailable, providers.Denied
		prior                  = providers.PriorMismatch
		sure, unsure           = false, true
		operators, credentials = "ask Alibaba Cloud, with the request id", "check access_key_id and access_key_secret"
	)
	return map[string]meaning{
		// Dyiotapi. HTTP 400 and 404, neither of which means what it says.
		"isv.RES_OWNER_ID_UNKNOWN": {refused, sure, "nobody is known to own the card (卡资源归属无效); " + operators},
		"isv.PRODUCT_UN_SUBSCRIPT": {denied, sure, "the account has not subscribed to the product (未开通物联卡产品); subscribe to it in the console"},
		codeNoCard:                 {refused, sure, "no card has this ICCID (IccId对应的卡资源不存在); compare it with the console's, check digit included"},
		"isv.QUERY_ASSETS_ERROR":   {refused, sure, "the card's customer record is faulty (卡对应的用户资料异常); " + operators},
		// Of the card, not of the account: the next card may well be allowed.
		"isv.RAM_PERMISSION_DENY": {refused, sure, "the caller has no right on the card (当前调用者无权对该卡发起请求); grant it to the RAM user, or use the account that bought the card"},
		"isv.INVALID_PARAMETERS":  {refused, sure, "a parameter is invalid (请求参数无效); check stop_option, resume_option, device_type and the package's id"},
		// A system error says nothing of how far the call got.
		"isv.SYSTEM_ERROR":         {unavailable, unsure, "the carrier failed within (系统异常)"},
		"isv.ERROR_BIND_NOT_EXIST": {prior, sure, "the card is not bound to the IMEI that the call names as the current one (绑定关系不存在,无效操作); it was changed elsewhere, see the console"},
		// The carrier says itself that these two were not done.
		"isv.ERROR_IOT_UNBINDED_ERROR":  {refused, sure, "the unbind failed within the carrier (解绑操作异常); look at the card in the console"},
		"isv.ERROR_IOT_CHGBINDED_ERROR": {refused, sure, "the change of binding failed within the carrier (换绑操作异常); look at the card in the console"},
		"isv.ERROR_IMEI_ERROR":          {refused, sure, "the IMEI is malformed, blacklisted or was never uploaded (IMEI信息不符合规范(包括黑名单或未上传过设备等)); upload it, or leave register_imei on"},
		// GUESS: named as by the Taobao predecessor; it would be DoIotPostImei's "already there".
		codeHasIMEI: {refused, sure, "the IMEI was uploaded before"},

		// Dyplsapi.
		"isp.RAM_PERMISSION_DENY":   {denied, sure, "the RAM user may not call this (RAM权限DENY); grant it number privacy"},
		"isv.OUT_OF_SERVICE":        {denied, sure, "the account's service is stopped (业务停机); see the account's balance"},
		"isv.PRODUCT_UNSUBSCRIBE":   {denied, sure, "the account has not subscribed to number privacy (产品未开通); subscribe to it in the console"},
		"isv.ACCOUNT_NOT_EXISTS":    {denied, sure, "the account does not exist (账户不存在); " + credentials},
		"isv.ACCOUNT_ABNORMAL":      {denied, sure, "the account is in an abnormal state (账户异常); " + operators},
		"isp.SYSTEM_ERROR":          {unavailable, unsure, "the carrier failed within (系统错误)"},
		"isv.PARTNER_NOT_EXIST":     {refused, sure, "the carrier knows no such partner (未知合作伙伴); check pool_key"},
		"isv.NO_NOT_EXIST":          {refused, sure, "the number does not exist (号码不存在); check subs_id"},
		"isv.ILLEGAL_ARGUMENT":      {refused, sure, "a parameter is invalid (参数非法); check pool_key, subs_id and call_no"},
		"isp.DAO_EXCEPTION":         {unavailable, unsure, "the carrier's database failed (数据库异常)"},
		"isv.NO_AVAILABLE_NUMBER":   {refused, sure, "the pool has no free number (无可用号码); buy numbers for it"},
		"isp.VENDOR_UNAVAILABLE":    {unavailable, unsure, "the operator behind the carrier is out of order (运营商降级)"},
		"isv.FLOW_LIMIT":            {throttled, sure, "too many calls (业务流控); lower requests_per_second"},
		"isv.PARTNER_IS_CLOSED":     {denied, sure, "the partner was shut down (partner被关停); " + operators},
		"isv.FORBIDDEN_ACTION":      {refused, sure, "the call is not allowed (无权操作); " + operators},
		"isv.NO_USED_BY_OTHERS":     {refused, sure, "another business uses the number (码被其他业务方占用)"},
		"isv.EXPIRE_DATE_ILLEGAL":   {refused, sure, "the expiry date is invalid (过期时间非法)"},
		"isv.MOBILE_NUMBER_ILLEGAL": {refused, sure, "the phone number is malformed (号码格式非法); check call_no"},
		"isv.BIND_CONFLICT":         {refused, sure, "the binding conflicts with another (绑定冲突)"},

		// The gateway in front of both.
		"InvalidAccessKeyId.NotFound": {denied, sure, "there is no such access key; " + credentials},
		"InvalidAccessKeyId.Inactive": {denied, sure, "the access key is switched off; switch it on, or use another"},
		"MissingAccessKeyId":          {denied, sure, "the call came without an access key; " + credentials},
		"SignatureDoesNotMatch":       {denied, sure, "the signature is wrong; check access_key_secret"},
		"IncompleteSignature":         {denied, sure, "the signature is wrong; check access_key_secret"},
		"InvalidTimeStamp.Expired":    {denied, sure, "this machine's clock is more than 15 minutes off; set it right"},
		"InvalidTimeStamp.Format":     {denied, sure, "the gateway can't read the time of the call; please report this"},
		// Something on the way may have sent the call twice, and the first have passed.
		"SignatureNonceUsed":          {unavailable, unsure, "the gateway got the same call twice"},
		"Forbidden.RAM":               {denied, sure, "the RAM user may not call this; grant it the action"},
		"Forbidden.AccessKeyDisabled": {denied, sure, "the access key is switched off; switch it on, or use another"},
		"InvalidVersion":              {denied, sure, "the gateway doesn't know this version of the API; check endpoint"},
		"InvalidAction.NotFound":      {denied, sure, "the gateway doesn't know this action; check endpoint, and whether the product is still served"},
		"UnsupportedHTTPMethod":       {denied, sure, "the gateway doesn't take POST; check endpoint"},
		"ServiceUnavailable":          {unavailable, unsure, "the carrier's service is out of order"},
		"InternalError":               {unavailable, unsure, "the gateway failed within"},
	}
}

// explain turns a code that isn't OK into an error. hide is what must not show.
func explain(table map[string]meaning, action string, changing bool, head *envelope, hide *strings.Replacer) *providers.Error {
	code := string(head.Code)
	m, ok := table[code]
	switch {
	case ok:
	case code == codeThrottle || strings.HasPrefix(code, codeThrottle+"."):
		m = meaning{cause: providers.Throttled, text: "too many calls for the account, which its RAM users share; lower requests_per_second"}
	default:
		// A code in no document: nothing is known of how far the call got.
		m = meaning{cause: providers.Refused, unsure: true, text: fmt.Sprintf("a code that no document has; the carrier says %q", shorten(hide.Replace(string(head.Message))))}
	}
	effect := providers.EffectNone
	if changing && m.unsure {
		effect = providers.EffectUnknown
	}
	return &providers.Error{
		Call: action, Code: shorten(hide.Replace(code)), Message: m.text, RequestID: shorten(hide.Replace(string(head.RequestID))),
		Effect: effect, Cause: m.cause,
	}
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
