package linkcard_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpctest"
	"github.com/cardfleet/cardfleet/providers/linkcard"
	"github.com/cardfleet/cardfleet/providers/linkcard/linkcardsim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	iccid  = spec.ICCID("89860617030017300390")
	device = "867194030000017"
	key    = "0123456789abcdef0123456789abcdef"
)

func simulated(t testing.TB, w *carriersim.World, settings map[string]any) providers.Provider {
	return providertest.Simulated(t, linkcard.Type(), linkcardsim.Carrier(w), settings)
}

func answering(t *testing.T, answers ...string) providers.Provider {
	return alirpctest.Answering(t, linkcard.Type(), "endpoint", http.StatusOK, answers...)
}

func world() *carriersim.World {
	return &carriersim.World{
		Cards: []carriersim.Card{{ICCID: iccid, MSISDN: "1064633113571", IMEI: device}},
		Now:   time.Now, Record: true,
	}
}

func TestMissingCredentialsAreNamedWithTheirVariables(t *testing.T) {
	p, diagnostics := linkcard.Type().Open(spec.ProviderConfig{Name: "aliyun_linkcard"}, providertest.Hurried(nil, nil))
	assert.Nil(t, p)
	require.Len(t, diagnostics, 2)
	assert.Contains(t, diagnostics[0].Detail, "ALIBABA_CLOUD_ACCESS_KEY_ID")
	assert.Contains(t, diagnostics[1].Detail, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")

	p, diagnostics = linkcard.Type().Open(spec.ProviderConfig{Name: "aliyun_linkcard"}, providertest.Hurried(nil, map[string]string{
		"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
	}))
	assert.Empty(t, diagnostics)
	assert.Equal(t, 20.0, providers.PaceOf(p).PerSecond, "the documented limit")
}

// What leaves the program, against the document's list of parameters.
func TestRequestOnTheWire(t *testing.T) {
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = io.WriteString(w, `{"Code":"200","Success":true,"Data":true}`)
	}))
	defer server.Close()
	p := providertest.Open(t, linkcard.Type(), alirpctest.Credentials(), map[string]any{"endpoint": server.URL})
	_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Stop}, ICCID: iccid, Key: key})
	require.NoError(t, err)
	assert.Equal(t, http.MethodPost, got.Method)
	assert.Equal(t, "cardfleet/1.2.3", got.UserAgent())
	q := got.URL.Query()
	for _, varying := range []string{"SignatureNonce", "Timestamp", "Signature"} {
		assert.NotEmpty(t, q.Get(varying))
		q.Del(varying)
	}
	assert.Equal(t, url.Values{
		"Action": {"StopSingleCard"}, "Version": {"2021-05-20"}, "Format": {"JSON"}, "AccessKeyId": {"testid"},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"}, "Iccid": {string(iccid)},
	}, q)
}

func TestReadingHasTheDeviceAndWhoStoppedTheCard(t *testing.T) {
	w := world()
	w.Cards[0].Words = "达量停用"
	got, err := simulated(t, w, nil).Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), got.At, time.Minute)
	got.At = time.Time{}
	assert.Equal(t, spec.Reading{
		ICCID: iccid, Status: "300 达量停用", Lifecycle: spec.SuspendedByCarrier, Reason: "达量停用",
		Has: spec.AttrActive | spec.AttrBinding, IMEI: device,
	}, got)
	assert.Equal(t, []string{"GetCardDetail"}, providertest.Calls(w))
}

func TestCardWithoutADeviceIsBoundToNone(t *testing.T) {
	for imei, has := range map[string]bool{`""`: true, `null`: true, `"867194030000017"`: true, `867194030000017`: true, `"unknown"`: false} {
		p := answering(t, `{"Code":"200","Success":true,"Data":{"VsimCardInfo":{"OsStatus":100,"DeviceImei":`+imei+`}}}`)
		got, err := p.Read(t.Context(), iccid, 0)
		require.NoError(t, err)
		assert.Equal(t, has, got.Tells(spec.AttrBinding), imei)
	}
}

// The document's sample, as far as a page of help.aliyun.com shows it, with
// lists and numbers in each other's place.
func TestReplyInEitherShape(t *testing.T) {
	for _, body := range []string{
		`{"Code":"200","Success":true,"RequestId":"E4F94B97","Data":{"ListPsimCards":[],"VsimCardInfo":{"Iccid":"89860617030017300390","Status":"35","OsStatus":"300","DeviceImei":"867194030000017","Imsi":["460081937000001"],"Msisdn":["1440993000001"],"Ip":[],"VsimInstanceId":411,"DirectionalGroupId":1,"TagList":[{"Id":1,"TagName":"a"}]}}}`,
		`{"code":200,"success":"true","data":{"listPsimCards":{"CardInfo":[]},"vsimCardInfo":{"iccid":"89860617030017300390","status":35,"osStatus":300,"deviceImei":867194030000017,"imsi":{"Imsi":["460081937000001"]},"vsimInstanceId":"411","directionalGroupId":"1"}}}`,
	} {
		got, err := answering(t, body).Read(t.Context(), iccid, 0)
		require.NoError(t, err, body)
		assert.Equal(t, "300 达量停用", got.Status)
		assert.Equal(t, spec.IMEI(device), got.IMEI)
	}
}

func TestOddAnswersAreNamed(t *testing.T) {
	for body, want := range map[string]string{
		``:                              "the answer is empty",
		`{"Code":"200"}`:                "no Data.VsimCardInfo",
		`{"Code":"200","Success":true}`: "no Data.VsimCardInfo",
		`{"Code":"200","Success":true,"Data":{"VsimCardInfo":null}}`:                                           "no Data.VsimCardInfo",
		`{"Code":"200","Success":true,"Data":{"VsimCardInfo":{}}}`:                                             "no Data.VsimCardInfo.Status",
		`{"Code":"200","Data":{"VsimCardInfo":{"Status":"30"}}}`:                                               "no Success",
		`{"Code":"200","Success":false,"ErrorMessage":"no luck"}`:                                              `the carrier says "no luck"`,
		`{"Code":"200","Success":true,"Data":[]}`:                                                              "odd shape",
		`{"Code":"200","Success":true,"Data":{"VsimCardInfo":{"Status":[30]}}}`:                                "a list stands where a text should",
		`{"Code":"200","Success":true,"Data":{"VsimCardInfo":{"Iccid":"89860617030017300391","Status":"30"}}}`: `another card, "89860617030017300391"`,
	} {
		_, err := answering(t, body).Read(t.Context(), iccid, 0)
		assert.ErrorContains(t, err, want, body)
	}
}

func TestUnknownCardIsNotFound(t *testing.T) {
	got, err := answering(t, `{"Code":"IccidNotExist","Success":false,"ErrorMessage":"IccId does not exist."}`).Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, spec.NotFound, got.Lifecycle)
	assert.True(t, got.Known())
}

func TestPackagesAreAskedForOnlyWhereWanted(t *testing.T) {
	w := world()
	soon := time.Now().Add(time.Hour).Truncate(time.Second)
	w.Cards[0].Packages = []spec.Package{
		{ID: "CM-1", Name: "30M", Expires: soon}, {ID: "10M extra"}, {ID: "over", Expires: time.Now().Add(-time.Hour)},
	}
	p := simulated(t, w, map[string]any{"offers": map[string]any{"COM0203": "10M extra"}})
	got, err := p.Read(t.Context(), iccid, spec.AttrActive)
	require.NoError(t, err)
	assert.False(t, got.Tells(spec.AttrPackages))
	assert.Zero(t, w.Count("GetCardFlowInfo"))

	got, err = p.Read(t.Context(), iccid, spec.AttrPackages)
	require.NoError(t, err)
	assert.True(t, got.Tells(spec.AttrPackages))
	require.Len(t, got.Packages, 2, "the card's own, told twice, and one by its id; not the one that is over")
	assert.Equal(t, "CM-1", got.Packages[0].ID)
	assert.True(t, got.Packages[0].Expires.Equal(soon))
	assert.Equal(t, "COM0203", got.Packages[1].ID)
}

func TestOffersThatMakeNoSense(t *testing.T) {
	for _, value := range []any{"COM0203", []any{"COM0203"}, map[string]any{"a": 1.0}, map[string]any{"a": ""}, map[string]any{"a": "x", "b": "x"}} {
		config := spec.ProviderConfig{Settings: map[string]any{"access_key_id": "i", "access_key_secret": "s", "offers": value}}
		_, diagnostics := linkcard.Type().Open(config, providertest.Hurried(nil, nil))
		require.Len(t, diagnostics, 1, "%v", value)
		assert.Equal(t, "Invalid offers", diagnostics[0].Summary)
	}
}

func TestOwnPackageIsRenewedAndAnotherOrderedOnTop(t *testing.T) {
	w := world()
	w.Cards[0].Packages = []spec.Package{{ID: "CM-1", Expires: time.Now().Add(-time.Hour)}}
	p := simulated(t, w, nil)
	_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Subscribe, To: "CM-1"}, ICCID: iccid, Key: key})
	require.NoError(t, err)
	_, err = p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Subscribe, To: "COM0203"}, ICCID: iccid, Key: key[1:]})
	require.NoError(t, err)
	requests := w.Requests()
	assert.Equal(t, []string{"GetCardDetail", "Renew", "GetCardDetail", "Renew"}, providertest.Calls(w))
	assert.Equal(t, map[string]string{"Iccid": string(iccid), "RechargeType": "STANDARD", "SerialNo": key, "BuyNum": "1"}, requests[1].Params)
	assert.Equal(t, map[string]string{"Iccid": string(iccid), "RechargeType": "OVERLAY", "SerialNo": key[1:], "BuyNum": "1", "OfferCode": "COM0203"}, requests[3].Params)
	got, err := p.Read(t.Context(), iccid, spec.AttrPackages)
	require.NoError(t, err)
	assert.True(t, got.HasPackage("CM-1"))
	assert.True(t, got.HasPackage("COM0203"))
}

func TestOrderWithoutWhatItNeedsIsRefusedHere(t *testing.T) {
	w := world()
	p := simulated(t, w, nil)
	for _, c := range []providers.Change{{Change: spec.Change{Kind: spec.Subscribe}, ICCID: iccid, Key: key}, {Change: spec.Change{Kind: spec.Subscribe, To: "p"}, ICCID: iccid}} {
		_, err := p.Do(t.Context(), c)
		require.Error(t, err)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
	}
	assert.Empty(t, w.Requests())
}

func TestRefusedStopOfAStoppedCardIsDone(t *testing.T) {
	stopped := `{"Code":"200","Success":true,"Data":{"VsimCardInfo":{"Status":"35","OsStatus":"200"}}}`
	active := `{"Code":"200","Success":true,"Data":{"VsimCardInfo":{"Status":"30","OsStatus":"100"}}}`
	credit := `{"Code":"200","Success":true,"Data":{"VsimCardInfo":{"Status":"35","OsStatus":"400"}}}`
	process := `{"Code":"BusinessProcessError","Success":false,"ErrorMessage":"wrong state","RequestId":"E4F94B97"}`
	no := `{"Code":"200","Success":true,"Data":false,"RequestId":"E4F94B97"}`
	failed := `{"Code":"IllegalRequest","Success":false}`
	for _, c := range []struct {
		kind    spec.Kind
		refusal string
		look    string
		already bool
	}{
		{spec.Stop, process, stopped, true}, {spec.Stop, no, stopped, true}, {spec.Resume, process, active, true}, {spec.Resume, no, active, true},
		{spec.Stop, process, active, false}, {spec.Stop, process, credit, false}, {spec.Resume, process, credit, false}, {spec.Resume, process, stopped, false},
		{spec.Stop, failed, stopped, false}, {spec.Stop, process, failed, false},
	} {
		receipt, err := answering(t, c.refusal, c.look).Do(t.Context(), providers.Change{Change: spec.Change{Kind: c.kind}, ICCID: iccid})
		if c.already {
			require.NoError(t, err, "%+v", c)
			assert.Equal(t, providers.Receipt{RequestID: "E4F94B97", Already: true}, receipt)
		} else {
			assert.Error(t, err, "%+v", c)
		}
	}
}

func TestDataLimitsStopCanBeResumed(t *testing.T) {
	w := world()
	w.Cards[0].Words = "300"
	_, err := simulated(t, w, nil).Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Resume}, ICCID: iccid})
	require.NoError(t, err)
	got, err := simulated(t, w, nil).Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, "100 使用中", got.Status)
}

func TestCarriersStopIsNotResumed(t *testing.T) {
	for _, words := range []string{"400", "600", "700", "40", "50"} {
		w := world()
		w.Cards[0].Words = words
		_, err := simulated(t, w, nil).Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Resume}, ICCID: iccid})
		assert.ErrorContains(t, err, "BusinessProcessError", words)
	}
}

func list(t *testing.T, p providers.Provider) (got []spec.Reading) {
	require.True(t, p.Capabilities().Lists)
	require.NoError(t, p.(providers.Lister).List(t.Context(), func(r spec.Reading) error {
		got = append(got, r)
		return nil
	}))
	return got
}

func TestListHasEachCardOnce(t *testing.T) {
	for n, calls := range map[int]int{0: 1, 1: 1, 39: 1, 40: 1, 41: 2, 101: 3} {
		w := &carriersim.World{Now: time.Now, Record: true}
		for i := range n {
			w.Cards = append(w.Cards, carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("898600D69913%08d", i)), Status: spec.SuspendedByOwner})
		}
		got := list(t, simulated(t, w, nil))
		require.Len(t, got, n)
		for i, r := range got {
			assert.Equal(t, w.Cards[i].ICCID, r.ICCID)
			assert.Equal(t, spec.SuspendedByOwner, r.Lifecycle)
			assert.Equal(t, spec.AttrActive, r.Has, "rows have no device and no packages")
		}
		assert.Equal(t, calls, w.Count("ListCardInfo"), "%d cards", n)
	}
}

func TestListLeavesOutOtherAccountsCards(t *testing.T) {
	w := &carriersim.World{Now: time.Now}
	for i := range 100 {
		account := ""
		if i < 50 {
			account = "somebody"
		}
		w.Cards = append(w.Cards, carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("898600D69913%08d", i)), Account: account})
	}
	assert.Len(t, list(t, simulated(t, w, nil)), 50)
}

func TestListWithoutATotalEndsAtAPageThatIsNotFull(t *testing.T) {
	row := `{"Iccid":"898600D6991300000001","OsStatus":"100"}`
	got := list(t, answering(t, `{"Code":"200","Success":true,"Data":{"List":[`+row+`,`+row+`]}}`))
	assert.Len(t, got, 1, "a card on two pages is told once")
}

func TestListEndsWhereItsReaderDoes(t *testing.T) {
	w := world()
	enough := errors.New("enough")
	err := simulated(t, w, nil).(providers.Lister).List(t.Context(), func(spec.Reading) error { return enough })
	assert.ErrorIs(t, err, enough)

	odd := answering(t, `{"Code":"200","Success":true,"Data":{"List":[{"Iccid":"12"}],"Total":1}}`).(providers.Lister)
	err = odd.List(t.Context(), func(spec.Reading) error { return nil })
	assert.ErrorContains(t, err, "page 1 has a card whose ICCID is none")

	down := answering(t, `{"Code":"InvalidAliyunPK","Success":false}`).(providers.Lister)
	err = down.List(t.Context(), func(spec.Reading) error { return nil })
	assert.ErrorContains(t, err, "ListCardInfo: InvalidAliyunPK")
}

func TestACardThatWasMovedToAnotherDeviceIsResumedByTheCallForThat(t *testing.T) {
	for words, resumes := range map[string]bool{"500": true, "130": true, "400": false} {
		world := &carriersim.World{Record: true, Cards: []carriersim.Card{{ICCID: "89860617030017300390", Status: spec.SuspendedByCarrier, Words: words}}}
		p := simulated(t, world, nil)
		card, err := p.Read(t.Context(), "89860617030017300390", spec.AttrActive)
		require.NoError(t, err)
		assert.Equal(t, resumes, card.ForDevice, words)
		_, err = p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Resume}, ICCID: "89860617030017300390"})
		assert.Equal(t, resumes, err == nil, "%s: %v", words, err)
		assert.Equal(t, resumes, world.Count("RebindResumeSingleCard") == 1, words)
	}
}
