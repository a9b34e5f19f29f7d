package aliyunsim

// coded is a documented refusal with its HTTP status and words: the error
// tables of QueryCardStatus and DoIotChgBindOrUnBind. Codes that those don't
// have come with HTTP 400.
func coded(code string) *refusal {
	for _, r := range []refusal{
		{400, "isv.RES_OWNER_ID_UNKNOWN", "Can't found of the card owner."},
		{400, "isv.PRODUCT_UN_SUBSCRIPT", "The Product need to order,before invoke the API."},
		{400, "isv.IOT_RES_NOT_EXIST", "Can't found the card by the iccid number."},
		{400, "isv.QUERY_ASSETS_ERROR", "Query user infomation of the card response is error."}, //nolint:misspell // sic
		{400, "isv.RAM_PERMISSION_DENY", "The invoker is permission invoke the API for the card."},
		{404, "isv.SYSTEM_ERROR", "System error."},
		{404, "isv.ERROR_BIND_NOT_EXIST", "The bind relate is not exist."},
		{404, "isv.ERROR_IOT_UNBINDED_ERROR", "The 'unBind' operate is error."},
		{404, "isv.ERROR_IOT_CHGBINDED_ERROR", "The 'chgBind' operate is error."},
		{404, "isv.ERROR_IMEI_ERROR", "The imei is not format."},
		{503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."},
		{500, "InternalError", "The request processing has failed due to some unknown error."},
	} {
		if r.code == code {
			return &r
		}
	}
	return &refusal{400, code, code}
}

// invalid is isv.INVALID_PARAMETERS, saying which.
func invalid(why string) *refusal {
	return &refusal{400, "isv.INVALID_PARAMETERS", "The parameters is invalid. " + why}
}
