package aliyun

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/alirpc"
	"github.com/cardfleet/cardfleet/providers/internal/alirpctest"
)

// verdict is what a code says of a call.
type verdict struct {
	cause  providers.Cause
	unsure bool
}

var (
	refused     = verdict{cause: providers.Refused}
	denied      = verdict{cause: providers.Denied}
	throttled   = verdict{cause: providers.Throttled}
	prior       = verdict{cause: providers.PriorMismatch}
	unavailable = verdict{cause: providers.Unavailable, unsure: true}
)

// The error tables of QueryCardStatus and DoIotChgBindOrUnBind: every code, and
// what follows from it.
func TestEveryCodeOfDyiotapi(t *testing.T) {
	check(t, cardCodes(), map[string]verdict{
		"isv.RES_OWNER_ID_UNKNOWN":      refused,
		"isv.PRODUCT_UN_SUBSCRIPT":      denied,
		"isv.IOT_RES_NOT_EXIST":         refused,
		"isv.QUERY_ASSETS_ERROR":        refused,
		"isv.RAM_PERMISSION_DENY":       refused,
		"isv.INVALID_PARAMETERS":        refused,
		"isv.SYSTEM_ERROR":              unavailable,
		"isv.ERROR_BIND_NOT_EXIST":      prior,
		"isv.ERROR_IOT_UNBINDED_ERROR":  refused,
		"isv.ERROR_IOT_CHGBINDED_ERROR": refused,
		"isv.ERROR_IMEI_ERROR":          refused,
	}, "isv.IMEI_EXIST") // a guess, from the predecessor
}

// The error table of QueryCallStatus.
func TestEveryCodeOfDyplsapi(t *testing.T) {
	check(t, numberCodes(), map[string]verdict{
		"isp.RAM_PERMISSION_DENY":   denied,
		"isv.OUT_OF_SERVICE":        denied,
		"isv.PRODUCT_UN_SUBSCRIPT":  denied,
		"isv.PRODUCT_UNSUBSCRIBE":   denied,
		"isv.ACCOUNT_NOT_EXISTS":    denied,
		"isv.ACCOUNT_ABNORMAL":      denied,
		"isp.SYSTEM_ERROR":          unavailable,
		"isv.PARTNER_NOT_EXIST":     refused,
		"isv.NO_NOT_EXIST":          refused,
		"isv.ILLEGAL_ARGUMENT":      refused,
		"isp.DAO_EXCEPTION":         unavailable,
		"isv.NO_AVAILABLE_NUMBER":   refused,
		"isp.VENDOR_UNAVAILABLE":    unavailable,
		"isv.FLOW_LIMIT":            throttled,
		"isv.PARTNER_IS_CLOSED":     denied,
		"isv.FORBIDDEN_ACTION":      refused,
		"isv.NO_USED_BY_OTHERS":     refused,
		"isv.EXPIRE_DATE_ILLEGAL":   refused,
		"isv.MOBILE_NUMBER_ILLEGAL": refused,
		"isv.BIND_CONFLICT":         refused,
		"FlowLimited":               throttled, // of a newer page
	})
}

// check holds a table to the documents' codes, and to nothing else but others.
func check(t *testing.T, table alirpc.Codes, want map[string]verdict, others ...string) {
	t.Helper()
	assert.Len(t, table, len(want)+len(others))
	for code, v := range want {
		m, ok := table[code]
		assert.True(t, ok, code)
		assert.Equal(t, v, verdict{m.Cause, m.Proof == providers.ProvesNothing}, code)
		assert.True(t, strings.ContainsFunc(m.Text, func(r rune) bool { return unicode.Is(unicode.Han, r) }), "%s lacks the carrier's words", code)
	}
	for _, code := range others {
		assert.Contains(t, table, code)
	}
}

func TestEveryCodeIsDocumented(t *testing.T) {
	alirpctest.CheckCodes(t, "../../docs/providers/aliyun.md", cardCodes(), numberCodes(), alirpc.Gateway())
}
