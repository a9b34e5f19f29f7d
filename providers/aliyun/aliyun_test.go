package aliyun_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/aliyun"
	"github.com/cardfleet/cardfleet/providers/aliyun/aliyunsim"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpctest"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestMain(m *testing.M) {
	if os.Getenv(answersForBenchmarks) != "" {
		answerForBenchmarks()
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	iccid  = spec.ICCID("89860617030017300390")
	device = "867194030000017"
	spare  = "867194030000025"
	key    = "0123456789abcdef0123456789abcdef"
)

// open opens a block without limits that matter.
func open(t testing.TB, settings map[string]any) providers.Provider {
	return providertest.Open(t, aliyun.Type(), alirpctest.Credentials(), settings)
}

// simulated opens a provider in front of a simulated carrier over HTTP.
func simulated(t testing.TB, w *carriersim.World, settings map[string]any) providers.Provider {
	return providertest.Simulated(t, aliyun.Type(), aliyunsim.Carrier(w), settings)
}

// answering opens a provider in front of a card API that always gives one answer.
func answering(t *testing.T, status int, body string) providers.Provider {
	return alirpctest.Answering(t, aliyun.Type(), "endpoint", status, body)
}

// answeringInTurn opens one in front of a number API with these answers.
func answeringInTurn(t *testing.T, answers ...string) providers.NumberReader {
	return alirpctest.Answering(t, aliyun.Type(), "privacy_endpoint", http.StatusOK, answers...).(providers.NumberReader)
}

func world() *carriersim.World {
	return &carriersim.World{
		Cards: []carriersim.Card{{ICCID: iccid, MSISDN: "1064633113571", IMEI: device}},
		Now:   time.Now, Record: true,
	}
}

func TestMissingCredentialsAreNamedWithTheirVariables(t *testing.T) {
	config := spec.ProviderConfig{Name: "aliyun.hangzhou", Source: spec.Range{File: "main.fleet.hcl", Start: spec.Pos{Line: 7}}}
	p, diagnostics := aliyun.Type().Open(config, providertest.Hurried(nil, nil))
	assert.Nil(t, p)
	require.Len(t, diagnostics, 2)
	assert.Contains(t, diagnostics[0].Detail, "access_key_id")
	assert.Contains(t, diagnostics[0].Detail, "ALIBABA_CLOUD_ACCESS_KEY_ID")
	assert.Contains(t, diagnostics[1].Detail, "access_key_secret")
	assert.Contains(t, diagnostics[1].Detail, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
	assert.Equal(t, 7, diagnostics[0].Subject.Start.Line)

	p, diagnostics = aliyun.Type().Open(config, providertest.Hurried(nil, map[string]string{
		"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret",
	}))
	assert.NotNil(t, p)
	assert.Empty(t, diagnostics)
}

func TestSecretIsMarkedSo(t *testing.T) {
	for _, s := range aliyun.Type().Schema.Settings {
		assert.Equal(t, s.Name == "access_key_secret", s.Secret, s.Name)
		assert.NotEmpty(t, s.Doc, s.Name)
	}
}

// What leaves the program, against the document's list of parameters.
func TestRequestOnTheWire(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body) // an empty body can't fail
		_, _ = io.WriteString(w, `{"Code":"OK","IotModBind":{"IsModSuccess":true}}`)
	}))
	defer server.Close()
	p := open(t, map[string]any{"endpoint": server.URL + "/some/where/"})
	_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Unbind, From: device}, ICCID: iccid, Key: key})
	require.NoError(t, err)
	assert.Equal(t, http.MethodPost, got.Method)
	assert.Equal(t, "/some/where/", got.URL.Path)
	assert.Equal(t, "cardfleet/1.2.3", got.UserAgent())
	assert.Empty(t, body)
	q := got.URL.Query()
	for _, varying := range []string{"SignatureNonce", "Timestamp", "Signature"} {
		assert.NotEmpty(t, q.Get(varying))
		q.Del(varying)
	}
	assert.Equal(t, url.Values{
		"Action": {"DoIotChgBindOrUnBind"}, "Version": {"2017-11-11"}, "Format": {"JSON"}, "RegionId": {"cn-hangzhou"},
		"AccessKeyId": {"testid"}, "SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"},
		"Iccid": {string(iccid)}, "OpionType": {"unBind"}, "Imei": {device},
	}, q)
}

func TestChangeBindRegistersTheNewDeviceFirst(t *testing.T) {
	w := world()
	p := simulated(t, w, map[string]any{"device_type": "tracker"})
	_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.ChangeBind, From: device, To: spare}, ICCID: iccid, Key: key})
	require.NoError(t, err)
	assert.Equal(t, []string{"DoIotIsImeiExist", "DoIotPostImei", "DoIotChgBindOrUnBind"}, providertest.Calls(w))
	requests := w.Requests()
	assert.Equal(t, map[string]string{"Imei": spare, "DeviceType": "tracker", "Comments": "cardfleet", "RegionId": "cn-hangzhou"}, requests[1].Params)
	assert.Equal(t, map[string]string{"Iccid": string(iccid), "OpionType": "chgBind", "Imei": device, "NewImei": spare, "RegionId": "cn-hangzhou"}, requests[2].Params)
	card, _ := w.Card(iccid)
	assert.Equal(t, spec.IMEI(spare), card.IMEI)
}

func TestKnownDeviceIsNotRegisteredAgain(t *testing.T) {
	w := world()
	w.Devices = []spec.IMEI{spare}
	p := simulated(t, w, nil)
	_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.ChangeBind, From: device, To: spare}, ICCID: iccid, Key: key})
	require.NoError(t, err)
	assert.Equal(t, []string{"DoIotIsImeiExist", "DoIotChgBindOrUnBind"}, providertest.Calls(w))
}

func TestRegisteringCanBeLeftToOthers(t *testing.T) {
	w := world()
	p := simulated(t, w, map[string]any{"register_imei": false})
	_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.ChangeBind, From: device, To: spare}, ICCID: iccid, Key: key})
	assert.ErrorContains(t, err, "DoIotChgBindOrUnBind: isv.ERROR_IMEI_ERROR")
	assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
	assert.Equal(t, []string{"DoIotChgBindOrUnBind"}, providertest.Calls(w))
	assert.Equal(t, 1, p.Capabilities().CallsToChange(spec.ChangeBind))
}

func TestLostRegistrationIsLookedUp(t *testing.T) {
	for fault, want := range map[carriersim.FaultKind][]string{
		carriersim.LostAfter:  {"DoIotIsImeiExist", "DoIotPostImei", "DoIotIsImeiExist", "DoIotChgBindOrUnBind"},
		carriersim.LostBefore: {"DoIotIsImeiExist", "DoIotPostImei", "DoIotIsImeiExist", "DoIotPostImei", "DoIotChgBindOrUnBind"},
	} {
		w := world()
		w.Faults = []carriersim.Fault{{Action: "DoIotPostImei", Kind: fault, Times: 1}}
		p := simulated(t, w, nil)
		_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.ChangeBind, From: device, To: spare}, ICCID: iccid, Key: key})
		require.NoError(t, err, "%s", fault)
		assert.Equal(t, want, providertest.Calls(w), "%s", fault)
	}
}

func TestBindingOfAnotherDeviceIsAMismatch(t *testing.T) {
	w := world()
	p := simulated(t, w, nil)
	_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Unbind, From: spare}, ICCID: iccid, Key: key})
	cause, _ := providers.CauseOf(err)
	assert.Equal(t, providers.PriorMismatch, cause)
	assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
	assert.ErrorContains(t, err, "绑定关系不存在", "the carrier's words")
	assert.NotEmpty(t, providers.RequestIDOf(err))
}

func TestChangesWithoutWhatTheyNeedAreRefusedHere(t *testing.T) {
	w := world()
	p := simulated(t, w, nil)
	for _, c := range []providers.Change{
		{Change: spec.Change{Kind: spec.ChangeBind, To: spare}, ICCID: iccid}, {Change: spec.Change{Kind: spec.ChangeBind, From: device}, ICCID: iccid},
		{Change: spec.Change{Kind: spec.Unbind}, ICCID: iccid}, {Change: spec.Change{Kind: spec.Subscribe}, ICCID: iccid, Key: key}, {Change: spec.Change{Kind: spec.Subscribe, To: "p"}, ICCID: iccid},
	} {
		_, err := p.Do(t.Context(), c)
		require.Error(t, err)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
	}
	assert.Empty(t, w.Requests())
}

func TestOKThatSaysFalseIsARefusal(t *testing.T) {
	for body, change := range map[string]providers.Change{
		`{"Code":"OK","RequestId":"8906582E","IotModBind":{"IsModSuccess":false}}`: {Change: spec.Change{Kind: spec.Unbind, From: device}, ICCID: iccid},
		`{"Code":"OK","RequestId":"8906582E","Result":{"ControlResult":"false"}}`:  {Change: spec.Change{Kind: spec.Stop}, ICCID: iccid},
		`{"Code":"OK","RequestId":"8906582E","Result":{"ControlResult":0}}`:        {Change: spec.Change{Kind: spec.Resume}, ICCID: iccid},
	} {
		_, err := answering(t, http.StatusOK, body).Do(t.Context(), change)
		require.Error(t, err, body)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err), body)
		assert.ErrorContains(t, err, "is false")
		assert.Equal(t, "8906582E", providers.RequestIDOf(err))
	}
}

// HTTP 404 is how the documents answer a system error, and 200 says nothing.
func TestCodeDecidesNeverTheHTTPStatus(t *testing.T) {
	ok := `{"Code":"OK","Message":"ServiceUnavailable","CardStatus":{"Iccid":"89860617030017300390","UserStatus":"正常"}}`
	for _, status := range []int{200, 400, 404, 500, 503} {
		reading, err := answering(t, status, ok).Read(t.Context(), iccid, 0)
		require.NoError(t, err, "HTTP %d", status)
		assert.Equal(t, spec.Active, reading.Lifecycle)
		assert.Equal(t, "正常", reading.Status)
	}
	reading, err := answering(t, 200, `{"Code":"isv.IOT_RES_NOT_EXIST"}`).Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, spec.NotFound, reading.Lifecycle)
	_, err = answering(t, 404, `{"Code":"isv.SYSTEM_ERROR"}`).Read(t.Context(), iccid, 0)
	cause, _ := providers.CauseOf(err)
	assert.Equal(t, providers.Unavailable, cause)
}

func TestSystemErrorOfAChangeIsUnknownAndNotRepeated(t *testing.T) {
	w := world()
	w.Faults = []carriersim.Fault{{Action: "DoIotUserStopResume", Kind: carriersim.CodeFault("isv.SYSTEM_ERROR")}}
	_, err := simulated(t, w, nil).Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Stop}, ICCID: iccid})
	assert.Equal(t, providers.EffectUnknown, providers.EffectOf(err))
	assert.Equal(t, 1, w.Count("DoIotUserStopResume"))
}

func TestAnswerAboutAnotherCardIsNotBelieved(t *testing.T) {
	_, err := answering(t, 200, `{"Code":"OK","CardStatus":{"Iccid":"89860617030017300391","UserStatus":"正常"}}`).Read(t.Context(), iccid, 0)
	assert.ErrorContains(t, err, `another card, "89860617030017300391"`)
}

func TestPackagesAreAskedForOnlyWhereWanted(t *testing.T) {
	w := world()
	w.Cards[0].Packages = []spec.Package{{ID: "100M", Name: "100 MB"}}
	p := simulated(t, w, nil)
	reading, err := p.Read(t.Context(), iccid, spec.AttrActive|spec.AttrBinding)
	require.NoError(t, err)
	assert.Equal(t, spec.AttrActive, reading.Has)
	assert.Nil(t, reading.Packages)
	assert.Zero(t, w.Count("QueryIotCardOfferDtl"))

	reading, err = p.Read(t.Context(), iccid, spec.AttrPackages)
	require.NoError(t, err)
	assert.True(t, reading.Tells(spec.AttrPackages))
	assert.True(t, reading.HasPackage("100M"))
}

func TestPackageTakesEffectAtOnceUnderTheCallersSerial(t *testing.T) {
	w := world()
	_, err := simulated(t, w, nil).Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Subscribe, To: "100M"}, ICCID: iccid, Key: key})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"Iccid": string(iccid), "OfferIds": "100M", "EffCode": "1000", "OutId": key, "Amount": "0", "RegionId": "cn-hangzhou",
	}, w.Requests()[0].Params)
}

func TestOptionsOfStopAndResumeAreSettings(t *testing.T) {
	w := world()
	p := simulated(t, w, map[string]any{"stop_option": "HALT", "resume_option": "GO"})
	for _, kind := range []spec.Kind{spec.Stop, spec.Resume} {
		_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: kind}, ICCID: iccid})
		assert.ErrorContains(t, err, "isv.INVALID_PARAMETERS")
	}
	assert.Equal(t, "HALT", w.Requests()[0].Params["OptionType"])
	assert.Equal(t, "GO", w.Requests()[1].Params["OptionType"])
}

func TestPrivacyNumberInEachStatus(t *testing.T) {
	for _, n := range []carriersim.Number{
		{Status: 1, Number: "17000000001"}, {Status: 2, Number: "17000000002"}, {Status: 3}, {Status: 4, Number: "17000000004"},
	} {
		w := world()
		n.Pool, n.Subs = "FC12345", "12345"
		w.Numbers = []carriersim.Number{n}
		p, ok := simulated(t, w, nil).(providers.NumberReader)
		require.True(t, ok)
		got, err := p.ReadNumber(t.Context(), &spec.PrivacyNumber{Name: "desk", PoolKey: n.Pool, SubsID: n.Subs, CallNo: "13900000000"})
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), got.At, time.Minute)
		got.At = time.Time{}
		assert.Equal(t, spec.NumberReading{Address: "privacy_number.desk", Status: n.Status, Number: n.Number}, got)
		assert.Equal(t, "13900000000", w.Requests()[0].Params["CallNo"])
	}
}

func TestPrivacyNumberThatDoesNotExistIsAnError(t *testing.T) {
	p := simulated(t, world(), nil).(providers.NumberReader)
	_, err := p.ReadNumber(t.Context(), &spec.PrivacyNumber{PoolKey: "FC1", SubsID: "1"})
	assert.ErrorContains(t, err, "isv.NO_NOT_EXIST")
	odd := answeringInTurn(t, `{"Code":"OK","SecretCallStatusDTO":{"status":"fine"}}`)
	_, err = odd.ReadNumber(t.Context(), &spec.PrivacyNumber{PoolKey: "FC1", SubsID: "1"})
	assert.ErrorContains(t, err, "status is no number")
}

func retiredWorld() *carriersim.World {
	w := world()
	w.Retired = []string{"QueryCallStatus"}
	w.Numbers = []carriersim.Number{
		{Pool: "FC12345", Subs: "1", Status: 1, Number: "17000000001"}, {Pool: "FC12345", Subs: "4", Status: 4, Number: "17000000004"},
	}
	return w
}

func TestRetiredActionIsReplacedByTheBinding(t *testing.T) {
	w := retiredWorld()
	p := simulated(t, w, nil).(providers.NumberReader)
	for subs, want := range map[string]int{"1": 1, "4": 4} {
		number := "1700000000" + subs
		got, err := p.ReadNumber(t.Context(), &spec.PrivacyNumber{Name: "desk", PoolKey: "FC12345", SubsID: subs, CallNo: "13900000000", Number: number})
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), got.At, time.Minute)
		got.At = time.Time{}
		assert.Equal(t, spec.NumberReading{Address: "privacy_number.desk", Status: want, Number: number}, got)
	}
	assert.Equal(t, 1, w.Count("QueryCallStatus"), "the dead action is asked once")
	assert.Equal(t, 2, w.Count("QuerySubscriptionDetail"))
}

func TestRetiredActionIsAskedOnceByManyAtOnce(t *testing.T) {
	w := retiredWorld()
	p := simulated(t, w, nil).(providers.NumberReader)
	var group errgroup.Group
	for range 50 {
		group.Go(func() error {
			_, err := p.ReadNumber(t.Context(), &spec.PrivacyNumber{PoolKey: "FC12345", SubsID: "1", Number: "17000000001"})
			return err
		})
	}
	require.NoError(t, group.Wait())
	assert.Equal(t, 1, w.Count("QueryCallStatus"))
	assert.Equal(t, 50, w.Count("QuerySubscriptionDetail"))
}

func TestBindingNeedsTheExpectedNumber(t *testing.T) {
	w := retiredWorld()
	p := simulated(t, w, nil).(providers.NumberReader)
	_, err := p.ReadNumber(t.Context(), &spec.PrivacyNumber{PoolKey: "FC12345", SubsID: "1"})
	require.ErrorContains(t, err, "QuerySubscriptionDetail: the carrier no longer has QueryCallStatus")
	assert.ErrorContains(t, err, "write it as number in the privacy_number block")
	assert.Zero(t, w.Count("QuerySubscriptionDetail"))
}

func TestAnOrdinaryFailureIsNoRetirement(t *testing.T) {
	w := retiredWorld()
	w.Retired, w.Faults = nil, []carriersim.Fault{{Action: "QueryCallStatus", Kind: carriersim.CodeFault("isv.OUT_OF_SERVICE"), Times: 1}}
	p := simulated(t, w, nil).(providers.NumberReader)
	number := &spec.PrivacyNumber{PoolKey: "FC12345", SubsID: "1", Number: "17000000001"}
	_, err := p.ReadNumber(t.Context(), number)
	assert.ErrorContains(t, err, "isv.OUT_OF_SERVICE")
	got, err := p.ReadNumber(t.Context(), number)
	require.NoError(t, err)
	assert.Equal(t, 1, got.Status)
	assert.Zero(t, w.Count("QuerySubscriptionDetail"))
}

func TestWaitingForTheFirstAnswerEndsWithTheRun(t *testing.T) {
	w := retiredWorld()
	w.Latency, w.Sleep = carriersim.Duration(time.Minute), func(ctx context.Context, _ time.Duration) error {
		<-ctx.Done()
		return ctx.Err()
	}
	p := simulated(t, w, nil).(providers.NumberReader)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var group errgroup.Group
	for range 3 {
		group.Go(func() error {
			_, err := p.ReadNumber(ctx, &spec.PrivacyNumber{PoolKey: "FC12345", SubsID: "1", Number: "17000000001"})
			return err
		})
	}
	assert.ErrorIs(t, group.Wait(), context.DeadlineExceeded)
}

// The values are ALIDOC 63174's: 1 生效, 0 失效.
func TestStatusOfABinding(t *testing.T) {
	for detail, want := range map[string]int{
		`{"Status":1,"PhoneNoX":"17000000001"}`:                           1,
		`{"status":"1","phoneNoX":17000000001,"expireDate":"2999-01-01"}`: 1,
		`{"Status":1,"ExpireDate":"2018-10-30 19:53:00"}`:                 4,
		`{"Status":0,"ExpireDate":"2999-01-01 00:00:00"}`:                 4,
	} {
		p := answeringInTurn(t, `{"Code":"UnsupportedOperation"}`, `{"Code":"OK","SecretBindDetailDTO":`+detail+`}`)
		got, err := p.ReadNumber(t.Context(), &spec.PrivacyNumber{PoolKey: "FC12345", SubsID: "1", Number: "17000000001"})
		require.NoError(t, err, detail)
		assert.Equal(t, want, got.Status, detail)
		assert.Equal(t, "17000000001", got.Number, detail)
	}
	for detail, want := range map[string]string{`{"Status":7}`: "neither 1 (in force) nor 0 (ended)", `{}`: "no SecretBindDetailDTO.Status"} {
		p := answeringInTurn(t, `{"Code":"InvalidApi.NotFound"}`, `{"Code":"OK","SecretBindDetailDTO":`+detail+`}`)
		_, err := p.ReadNumber(t.Context(), &spec.PrivacyNumber{PoolKey: "FC12345", SubsID: "1", Number: "17000000001"})
		assert.ErrorContains(t, err, want, detail)
	}
}

func TestFailedRegistrationLeavesTheCardAlone(t *testing.T) {
	for _, kind := range []carriersim.FaultKind{carriersim.LostBefore, carriersim.HTML5xx, carriersim.CodeFault("isv.NOBODY_KNOWS")} {
		w := world()
		w.Faults = []carriersim.Fault{{Action: "DoIotPostImei", Kind: kind}, {Action: "DoIotIsImeiExist", Kind: carriersim.LostBefore, Times: 1}}
		if kind == carriersim.HTML5xx { // the upload arrives, but looking it up fails
			w.Faults = []carriersim.Fault{{Action: "DoIotIsImeiExist", Kind: kind}}
		}
		p := simulated(t, w, map[string]any{"retries": 1})
		_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.ChangeBind, From: device, To: spare}, ICCID: iccid, Key: key})
		require.Error(t, err, "%s", kind)
		assert.Equal(t, providers.EffectNone, providers.EffectOf(err), "%s: %v", kind, err)
		assert.ErrorContains(t, err, "register the new device: ")
		assert.Zero(t, w.Count("DoIotChgBindOrUnBind"), "%s", kind)
	}
}

func TestNothingOfAFailedAttemptStays(t *testing.T) {
	p := alirpctest.Answering(t, aliyun.Type(), "endpoint", http.StatusOK,
		`{"Code":"isv.SYSTEM_ERROR","CardStatus":{"UserStatus":"停机"}}`, `{"Code":"OK"}`)
	_, err := p.Read(t.Context(), iccid, 0)
	assert.ErrorContains(t, err, "HTTP 200: the answer has no CardStatus.UserStatus")
}

func TestAnOrderWhoseResultDeniesItIsInDoubt(t *testing.T) {
	order := providers.Change{Change: spec.Change{Kind: spec.Subscribe, To: "10002"}, ICCID: "89860617030017300390", Key: "0123456789abcdef0123456789abcdef"}
	for result, doubt := range map[string]bool{"false": true, `"false"`: true, `"FAIL"`: true, `"失败"`: true, "0": true, "true": false, `"true"`: false, `""`: false, "null": false} {
		_, err := answering(t, 200, `{"Code":"OK","RequestId":"R1","IotRecharge":{"OrderNo":"N7","OrderResult":`+result+`}}`).Do(t.Context(), order)
		require.Equal(t, doubt, err != nil, result)
		if doubt {
			assert.Equal(t, providers.ProvesNothing, providers.ProofOf(err), result)
			assert.ErrorContains(t, err, "order N7", result)
		}
	}
}

func TestACardThatWasStoppedForItsDeviceIsResumedByTheCallForThat(t *testing.T) {
	for words, resumes := range map[string]bool{"机卡分离停机": true, "换绑停用": true, "欠费停机": false} {
		world := &carriersim.World{Record: true, Cards: []carriersim.Card{{ICCID: "89860617030017300390", Status: spec.SuspendedByCarrier, Words: words}}}
		p := simulated(t, world, nil)
		card, err := p.Read(t.Context(), "89860617030017300390", spec.AttrActive)
		require.NoError(t, err)
		assert.Equal(t, resumes, card.ForDevice, words)
		_, err = p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Resume}, ICCID: "89860617030017300390"})
		assert.Equal(t, resumes, err == nil, "%s: %v", words, err)
		assert.Equal(t, resumes, world.Count("DoIotUnbindResume") == 1, words)
	}
}

// No document has the code for it, and it must not leave the card in doubt.
func TestAResumeRefusedWithAnUnknownCodeIsTriedByTheDevicesCall(t *testing.T) {
	for status, want := range map[string]bool{"机卡分离停机": true, "申请停机": false} {
		var calls []string
		p := providertest.OpenOn(t, aliyun.Type(), providertest.Env(providertest.InProcess{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			action := r.URL.Query().Get("Action")
			calls = append(calls, action)
			_, _ = io.WriteString(w, map[string]string{ // whoever hung up needs no answer
				"DoIotUserStopResume": `{"Code":"isv.NOBODY_KNOWS","RequestId":"R1"}`,
				"QueryCardStatus":     `{"Code":"OK","CardStatus":{"Iccid":"89860617030017300390","UserStatus":"` + status + `"}}`,
				"DoIotUnbindResume":   `{"Code":"OK","Data":true}`,
			}[action])
		})}, nil), alirpctest.Credentials(), map[string]any{"endpoint": "http://carrier.localhost"})
		_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Resume}, ICCID: "89860617030017300390"})
		assert.Equal(t, want, err == nil, "%s: %v", status, err)
		assert.Equal(t, want, slices.Contains(calls, "DoIotUnbindResume"), status)
		assert.Equal(t, want, providers.EffectOf(err) == providers.EffectNone || err == nil, "what isn't for its device stays in doubt")
	}
}
