package aliyunsim

import "github.com/cardfleet/cardfleet/providers/internal/alirpcsim"

// coded is a documented refusal with its HTTP status and words: the error
// tables of QueryCardStatus and DoIotChgBindOrUnBind. Codes that those don't
// have come with HTTP 400.
func coded(code string) *alirpcsim.Refusal {
	for _, r := range []alirpcsim.Refusal{
		{Status: 400, Code: "isv.RES_OWNER_ID_UNKNOWN", Message: "Can't found of the card owner."},
		{Status: 400, Code: "isv.PRODUCT_UN_SUBSCRIPT", Message: "The Product need to order,before invoke the API."},
		{Status: 400, Code: "isv.IOT_RES_NOT_EXIST", Message: "Can't found the card by the iccid number."},
		{Status: 400, Code: "isv.QUERY_ASSETS_ERROR", Message: "Query user infomation of the card response is error."}, //nolint:misspell // sic
		{Status: 400, Code: "isv.RAM_PERMISSION_DENY", Message: "The invoker is permission invoke the API for the card."},
		{Status: 404, Code: "isv.SYSTEM_ERROR", Message: "System error."},
		{Status: 404, Code: "isv.ERROR_BIND_NOT_EXIST", Message: "The bind relate is not exist."},
		{Status: 404, Code: "isv.ERROR_IOT_UNBINDED_ERROR", Message: "The 'unBind' operate is error."},
		{Status: 404, Code: "isv.ERROR_IOT_CHGBINDED_ERROR", Message: "The 'chgBind' operate is error."},
		{Status: 404, Code: "isv.ERROR_IMEI_ERROR", Message: "The imei is not format."},
	} {
		if r.Code == code {
			return &r
		}
	}
	return ofTheGateway(code)
}

// ofTheGateway is a refusal with one of the gateway's own codes (公共错误码), or
// with one that no document has.
func ofTheGateway(code string) *alirpcsim.Refusal {
	switch code {
	case "ServiceUnavailable":
		return &alirpcsim.Refusal{Status: 503, Code: code, Message: "The request has failed due to a temporary failure of the server."}
	case "InternalError":
		return &alirpcsim.Refusal{Status: 500, Code: code, Message: "The request processing has failed due to some unknown error."}
	default:
		return &alirpcsim.Refusal{Status: 400, Code: code, Message: code}
	}
}

// invalid is isv.INVALID_PARAMETERS, saying which.
func invalid(why string) *alirpcsim.Refusal {
	return &alirpcsim.Refusal{Status: 400, Code: "isv.INVALID_PARAMETERS", Message: "The parameters is invalid. " + why}
}

// codedOfNumbers is a refusal of Dyplsapi with the words of QueryCallStatus's
// table, which has no HTTP statuses: 400 is a GUESS.
func codedOfNumbers(code string) *alirpcsim.Refusal {
	words := map[string]string{
		"isp.RAM_PERMISSION_DENY":   "RAM权限DENY",
		"isv.OUT_OF_SERVICE":        "业务停机",
		"isv.PRODUCT_UN_SUBSCRIPT":  "未开通云通信产品的阿里云客户",
		"isv.PRODUCT_UNSUBSCRIBE":   "产品未开通",
		"isv.ACCOUNT_NOT_EXISTS":    "账户不存在",
		"isv.ACCOUNT_ABNORMAL":      "账户异常",
		"isp.SYSTEM_ERROR":          "系统错误",
		"isv.PARTNER_NOT_EXIST":     "未知合作伙伴",
		"isv.NO_NOT_EXIST":          "号码不存在",
		"isv.ILLEGAL_ARGUMENT":      "参数非法",
		"isp.DAO_EXCEPTION":         "数据库异常",
		"isv.NO_AVAILABLE_NUMBER":   "无可用号码",
		"isp.VENDOR_UNAVAILABLE":    "运营商降级",
		"isv.FLOW_LIMIT":            "业务流控",
		"isv.PARTNER_IS_CLOSED":     "partner被关停",
		"isv.FORBIDDEN_ACTION":      "无权操作",
		"isv.NO_USED_BY_OTHERS":     "码被其他业务方占用",
		"isv.EXPIRE_DATE_ILLEGAL":   "过期时间非法",
		"isv.MOBILE_NUMBER_ILLEGAL": "号码格式非法",
		"isv.BIND_CONFLICT":         "绑定冲突",
	}[code]
	if words == "" {
		return ofTheGateway(code)
	}
	return &alirpcsim.Refusal{Status: 400, Code: code, Message: words}
}

// illegal is isv.ILLEGAL_ARGUMENT, saying which.
func illegal(why string) *alirpcsim.Refusal {
	return &alirpcsim.Refusal{Status: 400, Code: "isv.ILLEGAL_ARGUMENT", Message: "参数非法: " + why}
}
