package cmiot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
)

func TestWhoStoppedTheCard(t *testing.T) {
	for mask, want := range map[string]struct {
		lifecycle spec.Lifecycle
		reason    string
	}{
		"000000002000": {spec.SuspendedByOwner, ""},
		"000000001000": {spec.SuspendedByOwner, ""},
		"000000000020": {spec.SuspendedByCarrier, "forced by the carrier (强制停机); ask China Mobile why (000000000020)"},
		"000020000000": {spec.SuspendedByCarrier, "credit control (信控停机) (000020000000)"},
		"200000000000": {spec.SuspendedByCarrier, "its product has expired (200000000000)"},
		"020000000000": {spec.SuspendedByCarrier, "it was taken out of its device (机卡分离) (020000000000)"},
		// A resume by its owner would leave the carrier's reason.
		"000020002000": {spec.SuspendedByCarrier, "credit control (信控停机) (000020002000)"},
		"000000000002": {spec.SuspendedByCarrier, "a reason that no document has (000000000002)"},
		"000000000000": {spec.SuspendedByCarrier, "the carrier gives no reason (000000000000)"},
		"":             {spec.SuspendedByCarrier, "the carrier doesn't say why"},
		"01":           {spec.SuspendedByCarrier, "the carrier doesn't say why 01"},
	} {
		l, reason := whoStopped(mask)
		assert.Equal(t, want.lifecycle, l, mask)
		assert.Equal(t, want.reason, reason, mask)
	}
}

// Integers would merge the two vocabularies.
func TestZeroTwoIsNotTwo(t *testing.T) {
	assert.Equal(t, spec.SuspendedByOwner, lifecycle("02"))
	assert.Equal(t, spec.Active, lifecycle("2"))
	assert.Equal(t, spec.SuspendedByOwner, lifecycle("01"))
	assert.Equal(t, spec.Pending, lifecycle("1"))
	stands, shown := readV2("2")
	assert.Equal(t, spec.UnknownLifecycle, stands)
	assert.Equal(t, "2", shown, "no word of the other vocabulary")
	for _, odd := range []string{"", "0", "3", "5", "08", "10", "100", "002", "正常", " 00"} {
		assert.Equal(t, spec.UnknownLifecycle, lifecycle(odd), odd)
	}
}

func TestNumbersAreShownWithTheirWords(t *testing.T) {
	for status, want := range map[string]string{"03": "03 预销号", "4": "4 停机", "99": "99 号码不存在", "42": "42", "": ""} {
		assert.Equal(t, want, statusText(status), status)
	}
	for status, want := range map[string]string{"0": "0 (waiting)", "3": "3 (done with failures)", "4": "4 (failed)", "9": `"9"`, "": `""`} {
		assert.Equal(t, want, jobText(status), status)
	}
}

func TestEveryWordHasTheCarriersText(t *testing.T) {
	assert.Len(t, words(), 16)
	for status, w := range words() {
		assert.NotEmpty(t, w.text, status)
		assert.NotEmpty(t, w.lifecycle, status)
	}
}

func TestPackagesAreSortedAndOnceEach(t *testing.T) {
	var r rows[packagesV5]
	assert.NoError(t, decode([]byte(`{"status":"0","message":"正确","result":[{"offeringInfoList":[
		{"offeringId":"b","effectiveDate":"20260101000000","expiriedDate":"20260131235959","apnName":"CMIOT"},
		{"offeringId":"a","offeringName":"A","expiriedDate":"no date"},
		{"offeringId":"b","offeringName":"newer","expiriedDate":"2026-02-28 23:59:59"}]}]}`), &r))
	got := r.Result[0].packages()
	assert.Len(t, got, 2)
	assert.Equal(t, "A", got[0].Name)
	assert.Zero(t, got[0].Expires)
	assert.Equal(t, "newer", got[1].Name)
	assert.True(t, got[1].Expires.Equal(time.Date(2026, 2, 28, 15, 59, 59, 0, time.UTC)), "China's time")
	assert.NotNil(t, packagesV5{}.packages(), "none is known, not unknown")

	var v2 rows[packagesV2]
	assert.NoError(t, decode([]byte(`{"status":"0","message":"正确","result":[{"msisdn":"14765004176","iccid":"898600D6991330004146","imsi":"460079650004176",
		"prodinfos":[{"prodid":"I00010100086","prodname":"10元套餐","prodinstefftime":"2026-01-01","prodinstexptime":"20270101"}]}]}`), &v2))
	assert.Equal(t, []spec.Package{{
		ID: "I00010100086", Name: "10元套餐",
		Effective: time.Date(2026, 1, 1, 0, 0, 0, 0, china()), Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, china()),
	}}, v2.Result[0].packages())
}
