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
		{Status: 503, Code: "ServiceUnavailable", Message: "The request has failed due to a temporary failure of the server."},
		{Status: 500, Code: "InternalError", Message: "The request processing has failed due to some unknown error."},
	} {
		if r.Code == code {
			return &r
		}
	}
	return &alirpcsim.Refusal{Status: 400, Code: code, Message: code}
}

// invalid is isv.INVALID_PARAMETERS, saying which.
func invalid(why string) *alirpcsim.Refusal {
	return &alirpcsim.Refusal{Status: 400, Code: "isv.INVALID_PARAMETERS", Message: "The parameters is invalid. " + why}
}
