package aliyun

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
)

func TestUserStatusInOurWords(t *testing.T) {
	for word, want := range map[string]spec.Lifecycle{
		// The document's own three (QueryCardStatus).
		"正常": spec.Active, "营业预销": spec.Closing, "未激活状态": spec.Pending,
		// The contract's.
		"停机": spec.SuspendedByOwner, "申请停机": spec.SuspendedByOwner, "停用": spec.SuspendedByOwner, "单向停机": spec.SuspendedByOwner,
		"预销": spec.Closing, "预销户": spec.Closing, "预销号": spec.Closing, "销户": spec.Closed, "已销号": spec.Closed, "未激活": spec.Pending,
		"欠费停机": spec.SuspendedByCarrier, "违章停机": spec.SuspendedByCarrier, "违规停机": spec.SuspendedByCarrier,
		"未实名停机": spec.SuspendedByCarrier, "强制停用": spec.SuspendedByCarrier, "局方原因停机": spec.SuspendedByCarrier, "机卡分离停机": spec.SuspendedByCarrier,
		"正常状态": spec.Active, "\t正常\n": spec.Active,
		// A word around one that we know is not that word.
		"非正常": spec.UnknownLifecycle, "不正常": spec.UnknownLifecycle, "数据异常": spec.UnknownLifecycle, "normal": spec.UnknownLifecycle,
	} {
		got, reason := lifecycle(word)
		assert.Equal(t, want, got, word)
		assert.Equal(t, want == spec.SuspendedByCarrier, reason != "", "%s: reason %q", word, reason)
	}
}

func TestPackagesAreSortedAndOnceEach(t *testing.T) {
	china := time.FixedZone("UTC+8", 8*60*60)
	got := packages([]offer{
		{OfferID: "b", ExpireTime: "2026-01-31 23:59:59"},
		{OfferID: "a", OfferName: "A", EffectiveTime: "20260101000000", ExpireTime: "no date"},
		{OfferID: "b", OfferName: "newer", ExpireTime: "2026-02-28 23:59:59"},
	})
	assert.Len(t, got, 2)
	assert.Equal(t, "a", got[0].ID)
	assert.True(t, got[0].Effective.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, china)))
	assert.Zero(t, got[0].Expires)
	assert.Equal(t, "newer", got[1].Name)
	assert.True(t, got[1].Expires.Equal(time.Date(2026, 2, 28, 23, 59, 59, 0, china)))
	assert.NotNil(t, packages(nil), "none is known, not unknown")
}
