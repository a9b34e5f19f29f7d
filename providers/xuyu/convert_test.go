package xuyu

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/spec"
)

// S003 卡状态表, row by row, in the document's order.
func TestStatusTablesRowByRow(t *testing.T) {
	const owner, carrier = spec.SuspendedByOwner, spec.SuspendedByCarrier
	rows := []struct {
		operator, value, words string
		want                   spec.Lifecycle
	}{
		// 移动卡. The document's two rows for 1 share one here.
		{"cmcc", "0", "正常", spec.Active},
		{"cmcc", "1", "单向停机/停机", owner},
		{"cmcc", "2", "停机", owner},
		{"cmcc", "3", "预销号", spec.Closing},
		{"cmcc", "4", "销号", spec.Closed},
		{"cmcc", "5", "过户", spec.Transferred},
		{"cmcc", "6", "休眠", spec.Dormant},
		{"cmcc", "7", "待激", spec.Pending},
		{"cmcc", "99", "号码不存在", spec.NotFound},
		// 电信卡.
		{"ctcc", "-1", "未知", spec.UnknownLifecycle},
		{"ctcc", "1", "在用", spec.Active},
		{"ctcc", "2", "用户报停", owner},
		{"ctcc", "3", "用户拆机", spec.Closed},
		{"ctcc", "5", "欠停(双向)", carrier},
		{"ctcc", "6", "欠停(单向)", carrier},
		{"ctcc", "7", "违章停机", carrier},
		{"ctcc", "8", "挂失", carrier},
		{"ctcc", "11", "施工未完", spec.Pending},
		{"ctcc", "19", "活卡待激活", spec.Pending},
		{"ctcc", "120000", "停机", owner},
		{"ctcc", "100001", "已激活(测试期)", spec.Testing},
		{"ctcc", "140003", "未激活(测试期)", spec.Pending},
		{"ctcc", "150001", "未实名制违规停机", carrier},
		{"ctcc", "140000", "预拆机停机", carrier},
		{"ctcc", "160000", "数据异常停机", carrier},
		{"ctcc", "170000", "局方原因停机", carrier},
		// 联通卡.
		{"cucc", "1", "已激活", spec.Active},
		{"cucc", "2", "已停用", owner},
		{"cucc", "3", "可测试", spec.Testing},
		{"cucc", "4", "库存", spec.Inventory},
		{"cucc", "5", "体验", spec.Testing},
		{"cucc", "6", "可激活", spec.Pending},
		{"cucc", "7", "已失效", spec.Closed},
		{"cucc", "8", "已清除", spec.Closed},
		{"cucc", "9", "", spec.UnknownLifecycle},
		{"cucc", "10", "当前账期", spec.UnknownLifecycle},
		{"cucc", "11", "一直", spec.UnknownLifecycle},
	}
	tables := statuses()
	count := 0
	for _, table := range tables {
		count += len(table)
	}
	assert.Len(t, rows, count, "a row of the tables has none here")
	for _, row := range rows {
		got, status, reason := lifecycle(tables, row.operator, row.value)
		name := row.operator + " " + row.value
		assert.Equal(t, row.want, got, name)
		wantStatus := row.value
		if row.words != "" {
			wantStatus += " " + row.words
		}
		assert.Equal(t, wantStatus, status, name)
		if row.want == carrier {
			assert.Equal(t, row.words, reason, name)
		} else {
			assert.Empty(t, reason, name)
		}
	}
}

func TestUnknownStatusIsKeptAsItCame(t *testing.T) {
	for _, row := range []struct{ operator, value, want string }{
		{"cmcc", "8", "8"}, {"cmcc", "00", "00"}, {"ctcc", "0", "0"}, {"cucc", "停机", "停机"}, {"ctcc", "1.0", "1.0"},
		{"", "1", `1 (operator "")`}, {"cbn", "1", `1 (operator "cbn")`},
	} {
		got, status, reason := lifecycle(statuses(), row.operator, row.value)
		assert.Equal(t, spec.UnknownLifecycle, got)
		assert.Equal(t, row.want, status)
		assert.Empty(t, reason)
	}
	got, _, _ := lifecycle(statuses(), " CMCC ", " 0\n")
	assert.Equal(t, spec.Active, got, "case and blanks don't matter")
}

func TestPackagesInForceAreSortedAndOnceEach(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var r packagesReply
	require.NoError(t, r.read([]byte(`[
	  {"id":"b","expire":"2026-12-31 23:59:59"},
	  {"id":"a","name":"A","effective":"2026-01-01T00:00:00","expire":null},
	  {"id":"b","name":"newer","expire":"2027-02-28T23:59:59+08:00"},
	  {"id":"gone","expire":"2026-11-21 19:59:59"},
	  {"id":"forever","expire":"2027-01-01"}, {"id":"forever"},
	  {"id":7,"expire":"soon"}
	]`)))
	got := inForce(r, now)
	var ids []string
	for _, p := range got {
		ids = append(ids, p.ID)
	}
	assert.Equal(t, []string{"7", "a", "b", "forever"}, ids)
	assert.True(t, got[1].Effective.Equal(time.Date(2025, 12, 31, 16, 0, 0, 0, time.UTC)), "China's time")
	assert.Equal(t, "newer", got[2].Name)
	assert.Zero(t, got[3].Expires)
	assert.NotNil(t, inForce(nil, now), "none is known, not unknown")
}
