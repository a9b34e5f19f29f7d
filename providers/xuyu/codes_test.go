package xuyu

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/internal/carriercall"
	"github.com/cardfleet/cardfleet/providers/providertest"
)

// Every code of S003 错误码表 and 错误排查 but 200, with the document's words.
func TestEveryDocumentedCodeIsExplained(t *testing.T) {
	const none, unknown = providers.EffectNone, providers.EffectUnknown
	g := answering()
	for code, want := range map[string]struct {
		words  string
		cause  providers.Cause
		effect providers.Effect // of a changing call
		again  bool             // whether a reading is repeated
	}{
		"422":   {"请求实体错误", providers.Refused, none, false},
		"417":   {"服务器内部错误", providers.Unavailable, unknown, true},
		"404":   {"未找到内容", providers.Refused, none, false},
		"10000": {"接收人账户不存在", providers.Refused, none, false},
		"10001": {"卡号不能少于1个", providers.Refused, none, false},
		"10002": {"到期时间必须大于当前时间", providers.Refused, none, false},
		"10003": {"每天最多生成99,999,999张卡", providers.Refused, none, false},
		"401":   {"未授权,因为没有传入subscriptionKey或access_token", providers.Denied, none, false},
		"500":   {"接口内部错误", providers.Unavailable, unknown, true},
	} {
		e := g.explain(call{operation: operation{name: "stop"}, changing: true}, head{Code: text(code)})
		assert.Equal(t, code, e.Code)
		assert.Contains(t, e.Message, want.words, code)
		assert.Equal(t, want.cause, e.Cause, code)
		assert.Equal(t, want.effect, providers.EffectOf(e), code)
		reading := g.explain(call{operation: operation{name: "status"}}, head{Code: text(code)})
		assert.Equal(t, none, providers.EffectOf(reading), "reading changes nothing")
		assert.Equal(t, want.again, repeated(t, reading), code)
	}
	assert.Len(t, meanings(), 9, "a code has no row here")
}

func TestAnswersWithoutACode(t *testing.T) {
	const none, unknown = providers.EffectNone, providers.EffectUnknown
	g := answering()
	for status, want := range map[int]struct {
		words  string
		cause  providers.Cause
		effect providers.Effect
	}{
		401: {"未授权,因为没有传入subscriptionKey或access_token", providers.Denied, none},
		404: {"不存在的服务,请求地址错误", providers.Refused, none},
		500: {"接口内部错误", providers.Unavailable, unknown},
		403: {"应用权限", providers.Denied, none},
		405: {"check operations", providers.Refused, none},
		429: {"lower requests_per_second", providers.Throttled, none},
		302: {"check endpoint", providers.Refused, unknown},
		400: {"check endpoint", providers.Refused, unknown},
		408: {"failed within", providers.Unavailable, unknown},
		502: {"failed within", providers.Unavailable, unknown},
		503: {"failed within", providers.Unavailable, unknown},
	} {
		e := g.explainHTTP(call{operation: operation{name: "stop"}, changing: true}, status)
		assert.Contains(t, e.Message, want.words, status)
		assert.Equal(t, want.cause, e.Cause, status)
		assert.Equal(t, want.effect, providers.EffectOf(e), status)
		assert.True(t, strings.HasPrefix(e.Error(), "stop: HTTP "), e.Error())
	}
}

func TestUnknownCodeIsUnknownAndShown(t *testing.T) {
	g := answering()
	e := g.explain(call{operation: operation{name: "stop"}, changing: true}, head{Code: "777", Name: "Odd", Description: "怪", Message: "m"})
	assert.EqualError(t, e, `stop: 777: a code that no document has; the carrier says "Odd 怪 m"`)
	assert.Equal(t, providers.EffectUnknown, providers.EffectOf(e))
}

// repeated reports whether an attempt that failed so is made again.
func repeated(t *testing.T, failed error) bool {
	env := providertest.Env(nil, nil)
	env.Sleep = func(context.Context, time.Duration) error { return nil }
	attempts := 0
	err := carriercall.New(providers.Limits{Retries: 1}, env, nil, "").Repeat(t.Context(), carriercall.Call{}, func(carriercall.Call) error {
		attempts++
		return failed
	})
	assert.Equal(t, failed, err)
	return attempts > 1
}
