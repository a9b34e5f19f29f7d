package linkcard

import (
	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
)

const (
	codeOK      = "200"
	codeNoCard  = "IccidNotExist"
	codeProcess = "BusinessProcessError"
)

// codes lists the documented codes (ALIDOC 375339). Those of actions that
// nothing here calls (exports, tags, uploads, stop rules) are in it for whoever
// meets one.
func codes() alirpc.Codes {
	const refused, unavailable, denied = providers.Refused, providers.Unavailable, providers.Denied
	const declined = providers.Declined
	return alirpc.Codes{
		// No error code, but Success is false: nothing says how far the call got.
		codeOK:                  {Cause: refused, Text: "the carrier says that the call failed, and not why", Quotes: true},
		codeNoCard:              {Cause: refused, Proof: declined, Text: "no card has this ICCID (卡号不存在); compare it with the console's, check digit included"},
		"InstanceIdCanNotEmpty": {Cause: refused, Proof: declined, Text: "the call names no card (卡号不能为空); please report this"},
		// The carrier's general no: what a stopped card says to a stop, and much else.
		codeProcess:                  {Cause: refused, Text: "the carrier could not process it (业务处理异常); look at the card in the console", Quotes: true},
		"InternalError":              {Cause: unavailable, Text: "the carrier failed within (系统内部异常)"},
		"RPCInvokeError":             {Cause: unavailable, Text: "the carrier could not reach a system of its own (RPC远程请求错误)"},
		"BatchOperationFailed":       {Cause: refused, Text: "an operation on several cards failed (批量操作异常); look at the card in the console"},
		"IllegalRequest":             {Cause: refused, Proof: declined, Text: "a parameter is invalid (非法的请求参数); check the package's id", Quotes: true},
		"Ambiguous":                  {Cause: refused, Proof: declined, Text: "a value has several meanings (输入值存在歧义)", Quotes: true},
		"CredentialInstanceNotExist": {Cause: refused, Proof: declined, Text: "the card has no such package (套餐凭证不存在); see its packages in the console"},
		"DataTypeCanNotEmpty":        {Cause: refused, Proof: declined, Text: "the kind of data is missing (流量类型不能为空); order this package in the console"},
		"DataLevelCanNotEmpty":       {Cause: refused, Proof: declined, Text: "an extra package needs a size (充值类型为叠加包时,流量档位不能为空); check the package's id"},
		"TimeFormatError":            {Cause: refused, Proof: declined, Text: "a time is malformed (请求参数时间格式错误); please report this"},
		"InvalidAliyunPK":            {Cause: denied, Proof: declined, Text: "the account is invalid (阿里云账号无效); " + alirpc.CheckCredentials},
		"SignVerificationFailed":     {Cause: denied, Proof: declined, Text: "the signature is wrong (签名校验失败); check access_key_secret"},
		"InvalidCallerTypeError":     {Cause: denied, Proof: declined, Text: "the account may not call this way (不支持的访问方式); " + alirpc.AskOperators},
		"OverExportCount":            {Cause: refused, Proof: declined, Text: "an export holds 500,000 cards at most (最多支持导出500000张)"},
		"TagIdCanNotEmpty":           {Cause: refused, Proof: declined, Text: "a tag's id is missing (标签ID不能为空)"},
		"RuleMustBePositiveInteger":  {Cause: refused, Proof: declined, Text: "a stop rule's amount must be 0 or more (达量停用策略数值,仅支持正整数和0)"},
		"RuleMaxValueLimit":          {Cause: refused, Proof: declined, Text: "a stop rule's amount must be less than 9007199254740991 (达量停用策略数值,必须小于9007199254740991)"},
		"UploadFileBeyondLimit":      {Cause: refused, Proof: declined, Text: "an uploaded file is too long (上传文件超出限制)"},
		"UploadFileInvalidCard":      {Cause: refused, Proof: declined, Text: "an uploaded file has an invalid ICCID (Iccid is invalid)"},
	}
}
