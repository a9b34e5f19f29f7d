package linkcard

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/providers/internal/alirpctest"
	"github.com/cardfleet/cardfleet/spec"
)

// Every value of the two tables of GetCardDetail (ALIDOC 374328).
func TestStatusesInOurWords(t *testing.T) {
	for _, c := range []struct {
		status, osStatus alirpc.Text
		want             spec.Lifecycle
		shown            string
	}{
		{"10", "10", spec.Testing, "10 测试期"},
		{"20", "20", spec.Pending, "20 静默期"},
		{"30", "100", spec.Active, "100 使用中"},
		{"35", "130", spec.SuspendedByCarrier, "130 测试期换绑停用"},
		{"30", "150", spec.Active, "150 部分使用中"},
		{"35", "200", spec.SuspendedByOwner, "200 主动停用"},
		{"35", "300", spec.SuspendedByCarrier, "300 达量停用"},
		{"35", "400", spec.SuspendedByCarrier, "400 信控停用"},
		{"35", "500", spec.SuspendedByCarrier, "500 换绑停用"},
		{"35", "600", spec.SuspendedByCarrier, "600 实名停用"},
		{"35", "700", spec.SuspendedByCarrier, "700 异常停用"},
		{"40", "40", spec.SuspendedByCarrier, "40 已停机"},
		{"50", "50", spec.Closed, "50 已销户"},
		{"10", "", spec.Testing, "10 可测试"},
		{"20", "", spec.Pending, "20 未使用"},
		{"30", "", spec.Active, "30 使用中"},
		{"35", "", spec.UnknownLifecycle, "35 已停用"},
		{"40", "", spec.SuspendedByCarrier, "40 已停机"},
		{"50", "", spec.Closed, "50 已销户"},
		{"35", "999", spec.UnknownLifecycle, "35/999"},
		{"99", "", spec.UnknownLifecycle, "99"},
		{"", "999", spec.UnknownLifecycle, "999"},
	} {
		got, reason := lifecycle(c.status, c.osStatus)
		assert.Equal(t, c.want, got, c.shown)
		assert.Equal(t, c.shown, words(c.status, c.osStatus))
		assert.Equal(t, c.want == spec.SuspendedByCarrier, reason != "", "%s: reason %q", c.shown, reason)
	}
}

// The error table (ALIDOC 375339): every code, and what follows from it.
func TestEveryCode(t *testing.T) {
	type verdict struct {
		cause  providers.Cause
		unsure bool
	}
	no, maybe := verdict{cause: providers.Refused}, verdict{providers.Refused, true}
	later, denied := verdict{providers.Unavailable, true}, verdict{cause: providers.Denied}
	want := map[string]verdict{
		"200": maybe, "IccidNotExist": no, "InstanceIdCanNotEmpty": no, "BusinessProcessError": maybe, "InternalError": later,
		"RPCInvokeError": later, "BatchOperationFailed": maybe, "IllegalRequest": no, "Ambiguous": no, "CredentialInstanceNotExist": no,
		"DataTypeCanNotEmpty": no, "DataLevelCanNotEmpty": no, "TimeFormatError": no, "InvalidAliyunPK": denied, "SignVerificationFailed": denied,
		"InvalidCallerTypeError": denied, "OverExportCount": no, "TagIdCanNotEmpty": no, "RuleMustBePositiveInteger": no, "RuleMaxValueLimit": no,
		"UploadFileBeyondLimit": no, "UploadFileInvalidCard": no,
	}
	got := map[string]verdict{}
	for code, m := range codes() {
		got[code] = verdict{m.Cause, m.Proof == providers.ProvesNothing}
	}
	assert.Equal(t, want, got)
}

func TestEveryCodeIsDocumented(t *testing.T) {
	alirpctest.CheckCodes(t, "../../docs/providers/aliyun_linkcard.md", codes(), alirpc.Gateway())
}

func FuzzDecodeDetail(f *testing.F) {
	alirpctest.FuzzDecode[detailReply](f, codeOK, `{"Code":"200","Success":true,"Data":{"ListPsimCards":[],"VsimCardInfo":{"Status":"35","OsStatus":300}}}`)
}

func FuzzDecodeFlow(f *testing.F) {
	alirpctest.FuzzDecode[flowReply](f, codeOK, `{"Code":200,"Success":true,"Data":{"ListPackageDTO":{"x":[{"PackageName":"n","ExpireTime":"2026-01-01 00:00:00"}]}}}`)
}

func FuzzDecodeList(f *testing.F) {
	alirpctest.FuzzDecode[listReply](f, codeOK, `{"Code":"200","Success":true,"Data":{"List":[{"Iccid":"89860617030017300390","Status":30}],"Total":1}}`)
}

func FuzzDecodeSwitch(f *testing.F) {
	alirpctest.FuzzDecode[switchReply](f, codeOK, `{"Code":"200","Success":"true","Data":1}`)
}

func FuzzDecodeRenew(f *testing.F) {
	alirpctest.FuzzDecode[renewReply](f, codeOK, `{"Code":"200","Success":true,"Data":{"OrderNo":21450,"SerialNo":"1"}}`)
}
