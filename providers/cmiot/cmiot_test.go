package cmiot_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/cmiot"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func TestMissingCredentialsAreNamedWithTheirVariables(t *testing.T) {
	config := spec.ProviderConfig{Name: "cmiot", Source: spec.Range{File: "main.fleet.hcl", Start: spec.Pos{Line: 7}}}
	p, diagnostics := cmiot.Type().Open(config, providertest.Env(nil, nil))
	assert.Nil(t, p)
	require.Len(t, diagnostics, 2)
	assert.Contains(t, diagnostics[0].Detail, "CMIOT_APPID")
	assert.Contains(t, diagnostics[1].Detail, "CMIOT_PASSWORD")
	assert.Equal(t, 7, diagnostics[0].Subject.Start.Line)

	p, diagnostics = cmiot.Type().Open(config, providertest.Env(nil, map[string]string{"CMIOT_APPID": "100001", "CMIOT_PASSWORD": "testpass"}))
	assert.NotNil(t, p)
	assert.Empty(t, diagnostics)
}

func TestSettingsOfTheContract(t *testing.T) {
	var names []string
	for _, s := range cmiot.Type().Schema.Settings {
		names = append(names, s.Name)
		assert.Equal(t, s.Name == "password", s.Secret, s.Name)
		assert.NotEmpty(t, s.Doc, s.Name)
	}
	assert.Equal(t, []string{"appid", "password", "api_version", "ebid", "write_cooldown"}, names)
}

func TestSettingsThatDontFitAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]any
		want     string
	}{
		"a long appid":        {map[string]any{"appid": strings.Repeat("1", 27)}, "It may have 26 at most"},
		"another version":     {map[string]any{"api_version": "v3"}, `api_version is "v3"; it must be "v5" or "v2".`},
		"an ebid as a number": {map[string]any{"ebid": 1000000009.0}, "it would lose its leading zeros"},
		"in a map too":        {map[string]any{"ebid": map[string]any{"userstatusrealsingle": 1000000009.0}}, "The ebid of userstatusrealsingle is no string."},
		"another function":    {map[string]any{"ebid": map[string]any{"cardinfo": "0001000000010"}}, "querycardprodinfo and userstatusrealsingle"},
		"a blank ebid":        {map[string]any{"ebid": ""}, "An ebid is blank."},
	} {
		p, diagnostics := cmiot.Type().Open(block(c.settings), providertest.Env(nil, nil))
		assert.Nil(t, p, name)
		if assert.Len(t, diagnostics, 1, name) {
			assert.Contains(t, diagnostics[0].Detail, c.want, name)
		}
	}
	p, diagnostics := cmiot.Type().Open(block(map[string]any{"appid": strings.Repeat("1", 26)}), providertest.Env(nil, nil))
	assert.NotNil(t, p)
	assert.Empty(t, diagnostics)
	cooldown, _ := cmiot.Type().Schema.Setting("write_cooldown")
	_, wrong := cooldown.Take("-1s")
	if assert.Len(t, wrong, 1, "a negative cool-down") {
		assert.Contains(t, wrong[0].Detail, "write_cooldown must be 0 or more")
	}
}

// What leaves the program in v2, against CMIOT_API2002's list of parameters.
func TestRequestOfV2OnTheWire(t *testing.T) {
	for name, c := range map[string]struct {
		ebid           any
		status, offers string
	}{
		"by default":  {nil, "0001000000009", "0001000000264"},
		"one for all": {"0006000000345", "0006000000345", "0006000000345"},
		"by function": {map[string]any{"userstatusrealsingle": "0001000000427"}, "0001000000427", "0001000000264"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []*http.Request
			p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = append(got, r)
				_, _ = io.WriteString(w, `{"status":"0","message":"正确","result":[{"STATUS":"00","prodinfos":[]}]}`)
			}), map[string]any{"appid": "100001", "password": "testpass", "api_version": "v2", "ebid": c.ebid, "endpoint": "http://carrier.localhost/some/where/"})
			reading, err := p.Read(t.Context(), iccid, spec.AttrPackages)
			require.NoError(t, err)
			assert.Equal(t, spec.Active, reading.Lifecycle)
			require.Len(t, got, 2)
			assert.Equal(t, "/some/where/v2/userstatusrealsingle", got[0].URL.Path)
			assert.Equal(t, "/some/where/v2/querycardprodinfo", got[1].URL.Path)
			for i, ebid := range []string{c.status, c.offers} {
				q := got[i].URL.Query()
				assert.Equal(t, http.MethodPost, got[i].Method)
				assert.Equal(t, "cardfleet/1.2.3", got[i].UserAgent())
				assert.Equal(t, "100001", q.Get("appid"))
				assert.Regexp(t, `^100001\d{14}\d{8}$`, q.Get("transid"))
				assert.Equal(t, ebid, q.Get("ebid"))
				assert.Regexp(t, `^[0-9a-f]{64}$`, q.Get("token"))
				assert.Equal(t, string(iccid), q.Get("iccid"))
				assert.Len(t, q, 5, "msisdn、iccid、imsi三者必须有且只有一项: %v", q)
			}
			assert.NotEqual(t, got[0].URL.Query().Get("transid"), got[1].URL.Query().Get("transid"))
		})
	}
}

// What leaves the program in v5: the password and the token are in no URL.
func TestRequestsOfV5OnTheWire(t *testing.T) {
	var paths []string
	var bodies []map[string]string
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]string
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		assert.Equal(t, http.MethodPost, r.Method)
		assert.Empty(t, r.URL.RawQuery)
		assert.Equal(t, "application/json;charset=utf-8", r.Header.Get("Content-Type"))
		assert.Regexp(t, `^100001\d{14}\d{8}$`, body["transid"])
		delete(body, "transid")
		paths, bodies = append(paths, r.URL.Path), append(bodies, body)
		_, _ = io.WriteString(w, `{"status":"0","message":"正确","result":[{"token":"T","ttl":"3600","orderNum":"7001","cardStatus":"00"}]}`)
	}), map[string]any{"appid": "100001", "password": "testpass", "write_cooldown": time.Duration(0)})
	_, err := p.Read(t.Context(), iccid, spec.AttrPackages)
	require.NoError(t, err)
	for _, kind := range []spec.Kind{spec.Stop, spec.Resume} {
		receipt, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: kind}, ICCID: iccid, Key: key})
		require.NoError(t, err)
		assert.Equal(t, "7001", receipt.RequestID)
	}
	assert.Equal(t, []string{
		"/v5/ec/get/token", "/v5/ec/query/sim-status", "/v5/ec/query/sim-imei", "/v5/ec/query/ordered-offerings",
		"/v5/ec/change/sim-status", "/v5/ec/change/sim-status",
	}, paths)
	assert.Equal(t, []map[string]string{
		{"appid": "100001", "password": "testpass"},
		{"token": "T", "iccid": string(iccid)}, {"token": "T", "iccid": string(iccid)},
		{"token": "T", "iccid": string(iccid), "queryType": "3"},
		{"token": "T", "iccid": string(iccid), "operType": "0"}, {"token": "T", "iccid": string(iccid), "operType": "1"},
	}, bodies)
}

func TestCapabilitiesOfEachVersion(t *testing.T) {
	v5 := simulated(t, world(), nil).Capabilities()
	assert.Equal(t, spec.AttrActive|spec.AttrPackages, v5.Reads)
	assert.Equal(t, []spec.Kind{spec.Resume, spec.Stop}, v5.Changes)
	assert.True(t, v5.ObservesIMEI)
	assert.True(t, v5.Lists)
	assert.Equal(t, 30*time.Minute, v5.Cooldown)
	assert.Equal(t, 3, v5.CallsToRead(spec.AttrPackages))
	assert.Equal(t, time.Minute, simulated(t, world(), map[string]any{"write_cooldown": time.Minute}).Capabilities().Cooldown)

	p := simulated(t, world(), map[string]any{"api_version": "v2"})
	v2 := p.Capabilities()
	assert.Equal(t, spec.AttrActive|spec.AttrPackages, v2.Reads)
	assert.Empty(t, v2.Changes)
	assert.False(t, v2.ObservesIMEI)
	assert.False(t, v2.Lists)
	_, lists := p.(providers.Lister)
	assert.False(t, lists)
	assert.Equal(t, 2, v2.CallsToRead(spec.AttrPackages))
	assert.Equal(t, 20.0, openDefaults(t).RequestsPerSecond)
	assert.Equal(t, 25*time.Second, openDefaults(t).Timeout, "the carrier's own sample")
}

func openDefaults(t *testing.T) providers.Limits {
	p, diagnostics := cmiot.Type().Open(spec.ProviderConfig{Settings: map[string]any{"appid": "1", "password": "2"}}, providertest.Env(nil, nil))
	require.Empty(t, diagnostics)
	return p.(providers.Paced).Limits()
}

// shown is a status as people are to see it: the number with the documents' word.
func shown(status string) string {
	word := map[string]string{
		"00": "正常", "01": "单向停机", "02": "停机", "03": "预销号", "04": "销号", "05": "过户", "06": "休眠", "07": "待激", "99": "号码不存在",
		"1": "待激活", "2": "已激活", "4": "停机", "6": "可测试", "7": "库存", "8": "预销户", "9": "已销户",
	}[status]
	return strings.TrimSpace(status + " " + word)
}

// Every status of CMIOT_API2002, and CT's of v5, as they come over the wire.
func TestEachStatusIsReadInItsVocabulary(t *testing.T) {
	for word, want := range map[string]spec.Lifecycle{
		"00": spec.Active, "01": spec.SuspendedByOwner, "02": spec.SuspendedByOwner, "03": spec.Closing, "04": spec.Closed,
		"05": spec.Transferred, "06": spec.Dormant, "07": spec.Pending, "99": spec.NotFound, "42": spec.UnknownLifecycle,
	} {
		p := answering(t, map[string]string{"/v2/userstatusrealsingle": `{"status":"0","message":"正确","result":[{"STATUS":"` + word + `"}]}`}, map[string]any{"api_version": "v2"})
		reading, err := p.Read(t.Context(), iccid, 0)
		require.NoError(t, err)
		assert.Equal(t, want, reading.Lifecycle, word)
		assert.Equal(t, shown(word), reading.Status)
		assert.True(t, reading.Known())
	}
	for word, want := range map[string]spec.Lifecycle{
		"00": spec.Active, "02": spec.SuspendedByOwner, "99": spec.NotFound,
		"1": spec.Pending, "2": spec.Active, "4": spec.SuspendedByOwner, "6": spec.Testing, "7": spec.Inventory, "8": spec.Closing, "9": spec.Closed,
		"3": spec.UnknownLifecycle, "002": spec.UnknownLifecycle,
	} {
		p := answering(t, map[string]string{
			"/v5/ec/query/sim-status":      `{"status":"0","message":"正确","result":[{"cardStatus":"` + word + `","lastChangeDate":"20201130105532"}]}`,
			"/v5/ec/query/sim-stop-reason": `{"status":"0","message":"正确","result":[{"platformType":"PB","stopReason":"000000002000"}]}`,
			"/v5/ec/query/sim-imei":        `{"status":"0","message":"正确","result":[{"imei":"867194030000017"}]}`,
		}, nil)
		reading, err := p.Read(t.Context(), iccid, 0)
		require.NoError(t, err)
		assert.Equal(t, want, reading.Lifecycle, word)
		assert.Equal(t, shown(word), reading.Status)
	}
}

func TestOneDigitIsNoStatusOfV2(t *testing.T) {
	p := answering(t, map[string]string{"/v2/userstatusrealsingle": `{"status":"0","message":"正确","result":[{"STATUS":"2"}]}`}, map[string]any{"api_version": "v2"})
	reading, err := p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, spec.UnknownLifecycle, reading.Lifecycle)
}

func TestBothPlatformsOfTheSimulatedCarrier(t *testing.T) {
	for _, platform := range []string{"PB", "CT"} {
		for status, want := range map[spec.Lifecycle]spec.Lifecycle{
			spec.Active: spec.Active, spec.SuspendedByOwner: spec.SuspendedByOwner, spec.SuspendedByCarrier: spec.SuspendedByCarrier,
			spec.Pending: spec.Pending, spec.Closing: spec.Closing, spec.Closed: spec.Closed, spec.UnknownLifecycle: spec.UnknownLifecycle,
		} {
			w := world(carriersim.Card{ICCID: iccid, Status: status, Platform: platform})
			reading, err := simulated(t, w, nil).Read(t.Context(), iccid, 0)
			require.NoError(t, err)
			assert.Equal(t, want, reading.Lifecycle, "%s on %s: %q", status, platform, reading.Status)
		}
	}
}

// The device in use proves no binding: it is observed, and IMEI stays empty.
func TestDeviceInUseIsNeverABinding(t *testing.T) {
	w := world()
	p := simulated(t, w, nil)
	reading, err := p.Read(t.Context(), iccid, spec.AttrActive|spec.AttrBinding)
	require.NoError(t, err)
	assert.Equal(t, device, reading.Observed)
	assert.Empty(t, reading.IMEI)
	assert.Equal(t, spec.AttrActive, reading.Has)
	assert.Equal(t, []string{"get/token", "query/sim-status", "query/sim-imei"}, providertest.Calls(w))
}

func TestDeviceThatIsNotToldLeavesTheCardRead(t *testing.T) {
	for body, want := range map[string]spec.IMEI{
		`{"status":"12199","message":"x","result":[]}`:                     "",
		`{"status":"0","message":"正确","result":[{"imei":""}]}`:             "",
		`{"status":"0","message":"正确","result":[{"imei":"none"}]}`:         "",
		`{"status":"0","message":"正确","result":[{"imei":86719403000001}]}`: "86719403000001",
	} {
		p := answering(t, map[string]string{
			"/v5/ec/query/sim-status": `{"status":"0","message":"正确","result":[{"cardStatus":"2"}]}`,
			"/v5/ec/query/sim-imei":   body,
		}, nil)
		reading, err := p.Read(t.Context(), iccid, 0)
		require.NoError(t, err, body)
		assert.Equal(t, want, reading.Observed, body)
		assert.Equal(t, spec.Active, reading.Lifecycle)
	}
}

func TestStoppedCardIsAskedForWhoStoppedIt(t *testing.T) {
	w := world(carriersim.Card{ICCID: iccid, Status: spec.SuspendedByCarrier})
	reading, err := simulated(t, w, nil).Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, spec.SuspendedByCarrier, reading.Lifecycle)
	assert.Equal(t, "credit control (信控停机) (000020000000)", reading.Reason)
	assert.Equal(t, []string{"get/token", "query/sim-status", "query/sim-stop-reason"}, providertest.Calls(w))

	p := answering(t, map[string]string{
		"/v5/ec/query/sim-status":      `{"status":"0","message":"正确","result":[{"cardStatus":"02"}]}`,
		"/v5/ec/query/sim-stop-reason": `{"status":"12999","message":"无权限","result":[]}`,
	}, nil)
	reading, err = p.Read(t.Context(), iccid, 0)
	require.NoError(t, err)
	assert.Equal(t, spec.SuspendedByCarrier, reading.Lifecycle, "nothing is planned where nobody says who stopped it")
	assert.Contains(t, reading.Reason, "无权限")
}

func TestPackagesAreAskedForOnlyWhereWanted(t *testing.T) {
	for version, call := range map[string]string{"v2": "querycardprodinfo", "v5": "query/ordered-offerings"} {
		end := time.Now().Add(time.Hour).Truncate(time.Second)
		w := world(carriersim.Card{ICCID: iccid, Packages: []spec.Package{{ID: "100M", Name: "100 MB", Expires: end}}})
		p := simulated(t, w, map[string]any{"api_version": version})
		reading, err := p.Read(t.Context(), iccid, spec.AttrActive)
		require.NoError(t, err)
		assert.Equal(t, spec.AttrActive, reading.Has)
		assert.Zero(t, w.Count(call))

		reading, err = p.Read(t.Context(), iccid, spec.AttrPackages)
		require.NoError(t, err)
		require.Len(t, reading.Packages, 1, version)
		assert.Equal(t, "100 MB", reading.Packages[0].Name)
		assert.True(t, end.Equal(reading.Packages[0].Expires), "%s: %v", version, reading.Packages[0].Expires)
	}
}

func TestCardOfAnotherCustomerIsAnError(t *testing.T) {
	for _, version := range []string{"v2", "v5"} {
		w := world(carriersim.Card{ICCID: iccid, Account: "another"})
		_, err := simulated(t, w, map[string]any{"api_version": version}).Read(t.Context(), iccid, 0)
		assert.ErrorContains(t, err, "12009: the card belongs to another customer (卡号鉴权失败,不属于此用户)")
		cause, _ := providers.CauseOf(err)
		assert.Equal(t, providers.Refused, cause, "the next card may well be ours")
	}
}

// The request's name in an error is the transid, without the appid.
func TestErrorsNameTheTransidWithoutTheAppid(t *testing.T) {
	p := answering(t, map[string]string{"/v2/userstatusrealsingle": `{"status":"12009","message":"x","result":[]}`}, map[string]any{"api_version": "v2"})
	_, err := p.Read(t.Context(), iccid, 0)
	assert.Regexp(t, `^\d{22}$`, providers.RequestIDOf(err))
}

func TestTooManyRequestsIsAThrottle(t *testing.T) {
	p := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	}), map[string]any{"api_version": "v2", "retries": 0})
	_, err := p.Read(t.Context(), iccid, 0)
	cause, _ := providers.CauseOf(err)
	assert.Equal(t, providers.Throttled, cause)
	assert.ErrorContains(t, err, "lower requests_per_second")
}

func TestBothCodesOfAnUnknownCard(t *testing.T) {
	for _, code := range []string{"12010", "11011"} {
		body := `{"status":"` + code + `","message":"x","result":[]}`
		bodies := map[string]string{"/v2/userstatusrealsingle": body, "/v5/ec/query/sim-status": body}
		for _, version := range []string{"v2", "v5"} {
			reading, err := answering(t, bodies, map[string]any{"api_version": version}).Read(t.Context(), iccid, spec.AttrPackages)
			require.NoError(t, err)
			assert.Equal(t, spec.NotFound, reading.Lifecycle)
			assert.True(t, reading.Known())
		}
	}
}

func TestDefaultEndpoint(t *testing.T) {
	for version, want := range map[string]string{
		"v2": "https://api.iot.10086.cn/v2/userstatusrealsingle", "v5": "https://api.iot.10086.cn/v5/ec/get/token",
	} {
		var got string
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.URL.Scheme + "://" + r.Host + r.URL.Path
			_, _ = io.WriteString(w, `{"status":"12004","message":"x"}`)
		})
		p, diagnostics := cmiot.Type().Open(block(map[string]any{"api_version": version}), providertest.Env(providertest.InProcess{Handler: h}, nil))
		require.Empty(t, diagnostics)
		_, err := p.Read(t.Context(), iccid, 0)
		require.Error(t, err)
		assert.Equal(t, want, got)
	}
}

// The page for people has every code with the words that the program says, and
// every status.
func TestEveryCodeAndStatusIsOnThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/providers/cmiot.md")
	require.NoError(t, err)
	for _, line := range append(cmiot.Explained(), cmiot.Statuses()...) {
		assert.Contains(t, string(page), line)
	}
}

// Every test that the page of coverage names exists, and every status and code
// of the tables is on it.
func TestCoverageIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/coverage/cmiot.md")
	require.NoError(t, err)
	var source strings.Builder
	for _, pattern := range []string{"*_test.go", "cmiotsim/*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			source.Write(data)
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(page), -1)
	assert.Greater(t, len(named), 100)
	for _, m := range named {
		assert.Contains(t, source.String(), "\nfunc "+m[1]+"(", "the page names it")
	}
	for _, line := range append(cmiot.Explained(), cmiot.Statuses()...) {
		assert.Contains(t, string(page), strings.Fields(line)[1])
	}
}

// keyed says the number of the card, and of no other.
func keyed(p providers.Provider, number string) providers.Provider {
	p.(providers.Keyed).SetKeys(func(card spec.ICCID) providers.Key {
		if card != iccid {
			return providers.Key{}
		}
		return providers.Key{MSISDN: number}
	})
	return p
}

// "msisdn、iccid、imsi必须有且只有一项" (CMIOT_API2002).
func TestCardIsNamedByItsNumberWhereThatIsKnownAndByNothingElse(t *testing.T) {
	for _, version := range []string{"v2", "v5"} {
		w := world()
		p := keyed(simulated(t, w, map[string]any{"api_version": version}), msisdn)
		reading, err := p.Read(t.Context(), iccid, spec.AttrPackages)
		require.NoError(t, err)
		assert.Equal(t, spec.Active, reading.Lifecycle)
		assert.Equal(t, iccid, reading.ICCID)
		for _, r := range w.Requests() {
			if r.Action == "get/token" {
				continue
			}
			assert.Equal(t, msisdn, r.Params["msisdn"], "%s %s", version, r.Action)
			assert.NotContains(t, r.Params, "iccid")
			assert.NotContains(t, r.Params, "imsi")
		}
	}
}

func TestChangeByANumberIsMadeOnceTheCarrierSaysThatItIsTheCards(t *testing.T) {
	other := carriersim.Card{ICCID: "898602B0011430000544", MSISDN: "14765004732"}
	change := providers.Change{Change: spec.Change{Kind: spec.Stop}, ICCID: iccid, Key: key}
	w := world(carriersim.Card{ICCID: iccid, MSISDN: msisdn}, other)
	_, err := keyed(simulated(t, w, nil), msisdn).Do(t.Context(), change)
	require.NoError(t, err)
	card, _ := w.Card(iccid)
	assert.Equal(t, spec.SuspendedByOwner, card.Status)

	w = world(carriersim.Card{ICCID: iccid, MSISDN: msisdn}, other)
	_, err = keyed(simulated(t, w, nil), other.MSISDN).Do(t.Context(), change)
	assert.ErrorContains(t, err, "the card's number is "+msisdn+" by the carrier, and msisdn is "+other.MSISDN+", which names another card")
	assert.Equal(t, providers.EffectNone, providers.EffectOf(err))
	assert.Zero(t, w.Count("change/sim-status"), "nobody's card is stopped")
}

// v2 tells whose packages it lists.
func TestPackagesOfAnotherCardAreNoReading(t *testing.T) {
	w := world(carriersim.Card{ICCID: iccid, MSISDN: msisdn}, carriersim.Card{ICCID: "898602B0011430000544", MSISDN: "14765004732"})
	_, err := keyed(simulated(t, w, map[string]any{"api_version": "v2"}), "14765004732").Read(t.Context(), iccid, spec.AttrPackages)
	assert.ErrorContains(t, err, "answered about another card")
}
