package aliyun

import (
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
)

const (
	codeOK      = "OK" // of both APIs
	codeNoCard  = "isv.IOT_RES_NOT_EXIST"
	codeHasIMEI = "isv.IMEI_EXIST"
)

// cardCodes lists the documented codes of Dyiotapi, from the error tables of
// QueryCardStatus and DoIotChgBindOrUnBind (2019-07). The gateway's are alirpc's.
func cardCodes() alirpc.Codes {
	const refused, unavailable, denied, prior = providers.Refused, providers.Unavailable, providers.Denied, providers.PriorMismatch
	const declined = providers.Declined
	return alirpc.Codes{
		// HTTP 400 and 404, neither of which means what it says.
		"isv.RES_OWNER_ID_UNKNOWN": {Cause: refused, Proof: declined, Text: "nobody is known to own the card (卡资源归属无效); " + alirpc.AskOperators},
		"isv.PRODUCT_UN_SUBSCRIPT": {Cause: denied, Proof: declined, Text: "the account has not subscribed to the product (未开通物联卡产品); subscribe to it in the console"},
		codeNoCard:                 {Cause: refused, Proof: declined, Text: "no card has this ICCID (IccId对应的卡资源不存在); compare it with the console's, check digit included"},
		"isv.QUERY_ASSETS_ERROR":   {Cause: refused, Proof: declined, Text: "the card's customer record is faulty (卡对应的用户资料异常); " + alirpc.AskOperators},
		// Of the card, not of the account: the next card may well be allowed.
		"isv.RAM_PERMISSION_DENY": {Cause: refused, Proof: declined, Text: "the caller has no right on the card (当前调用者无权对该卡发起请求); grant it to the RAM user, or use the account that bought the card"},
		"isv.INVALID_PARAMETERS":  {Cause: refused, Proof: declined, Text: "a parameter is invalid (请求参数无效); check stop_option, resume_option, device_type and the package's id"},
		// A system error says nothing of how far the call got.
		"isv.SYSTEM_ERROR":         {Cause: unavailable, Text: "the carrier failed within (系统异常)"},
		"isv.ERROR_BIND_NOT_EXIST": {Cause: prior, Proof: declined, Text: "the card is not bound to the IMEI that the call names as the current one (绑定关系不存在,无效操作); it was changed elsewhere, see the console"},
		// The carrier says itself that these two were not done.
		"isv.ERROR_IOT_UNBINDED_ERROR":  {Cause: refused, Proof: declined, Text: "the unbind failed within the carrier (解绑操作异常); look at the card in the console"},
		"isv.ERROR_IOT_CHGBINDED_ERROR": {Cause: refused, Proof: declined, Text: "the change of binding failed within the carrier (换绑操作异常); look at the card in the console"},
		"isv.ERROR_IMEI_ERROR":          {Cause: refused, Proof: declined, Text: "the IMEI is malformed, blacklisted or was never uploaded (IMEI信息不符合规范(包括黑名单或未上传过设备等)); upload it, or leave register_imei on"},
		// GUESS: named as by the Taobao predecessor; it would be DoIotPostImei's "already there".
		codeHasIMEI: {Cause: refused, Proof: providers.AlreadySo, Text: "the IMEI was uploaded before"},
	}
}

// numberCodes lists the documented codes of Dyplsapi, from the error table of
// QueryCallStatus (2018-10), and one of a newer page.
func numberCodes() alirpc.Codes {
	const refused, throttled, unavailable, denied = providers.Refused, providers.Throttled, providers.Unavailable, providers.Denied
	const unseen, declined = providers.NeverSeen, providers.Declined
	return alirpc.Codes{
		"isv.PRODUCT_UN_SUBSCRIPT":  {Cause: denied, Proof: declined, Text: "the account has not subscribed to cloud communication (未开通云通信产品的阿里云客户); subscribe to it in the console"},
		"isp.RAM_PERMISSION_DENY":   {Cause: denied, Proof: declined, Text: "the RAM user may not call this (RAM权限DENY); grant it number privacy"},
		"isv.OUT_OF_SERVICE":        {Cause: denied, Proof: declined, Text: "the account's service is stopped (业务停机); see the account's balance"},
		"isv.PRODUCT_UNSUBSCRIBE":   {Cause: denied, Proof: declined, Text: "the account has not subscribed to number privacy (产品未开通); subscribe to it in the console"},
		"isv.ACCOUNT_NOT_EXISTS":    {Cause: denied, Proof: declined, Text: "the account does not exist (账户不存在); " + alirpc.CheckCredentials},
		"isv.ACCOUNT_ABNORMAL":      {Cause: denied, Proof: declined, Text: "the account is in an abnormal state (账户异常); " + alirpc.AskOperators},
		"isp.SYSTEM_ERROR":          {Cause: unavailable, Text: "the carrier failed within (系统错误)"},
		"isv.PARTNER_NOT_EXIST":     {Cause: refused, Proof: declined, Text: "the carrier knows no such partner (未知合作伙伴); check pool_key"},
		"isv.NO_NOT_EXIST":          {Cause: refused, Proof: declined, Text: "the number does not exist (号码不存在); check subs_id"},
		"isv.ILLEGAL_ARGUMENT":      {Cause: refused, Proof: declined, Text: "a parameter is invalid (参数非法); check pool_key, subs_id and call_no"},
		"isp.DAO_EXCEPTION":         {Cause: unavailable, Text: "the carrier's database failed (数据库异常)"},
		"isv.NO_AVAILABLE_NUMBER":   {Cause: refused, Proof: declined, Text: "the pool has no free number (无可用号码); buy numbers for it"},
		"isp.VENDOR_UNAVAILABLE":    {Cause: unavailable, Text: "the operator behind the carrier is out of order (运营商降级)"},
		"isv.FLOW_LIMIT":            {Cause: throttled, Proof: unseen, Text: "too many calls (业务流控); lower requests_per_second"},
		"isv.PARTNER_IS_CLOSED":     {Cause: denied, Proof: declined, Text: "the partner was shut down (partner被关停); " + alirpc.AskOperators},
		"isv.FORBIDDEN_ACTION":      {Cause: refused, Proof: declined, Text: "the call is not allowed (无权操作); " + alirpc.AskOperators},
		"isv.NO_USED_BY_OTHERS":     {Cause: refused, Proof: declined, Text: "another business uses the number (码被其他业务方占用)"},
		"isv.EXPIRE_DATE_ILLEGAL":   {Cause: refused, Proof: declined, Text: "the expiry date is invalid (过期时间非法)"},
		"isv.MOBILE_NUMBER_ILLEGAL": {Cause: refused, Proof: declined, Text: "the phone number is malformed (号码格式非法); check call_no"},
		"isv.BIND_CONFLICT":         {Cause: refused, Proof: declined, Text: "the binding conflicts with another (绑定冲突)"},
		// ALIDOC api-dyplsapi-2017-05-25-querysecretnodetail, "错误码".
		"FlowLimited": {Cause: throttled, Proof: unseen, Text: "too many calls (限流); lower requests_per_second"},
	}
}
