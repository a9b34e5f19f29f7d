package linkcardsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/internal/alirpcsim"
	"github.com/cardfleet/cardfleet/spec"
)

const card = "89860617030017300390"

var at = time.Date(2026, 11, 21, 20, 55, 58, 0, time.UTC)

func world() *carriersim.World {
	return &carriersim.World{
		Cards: []carriersim.Card{{ICCID: card, MSISDN: "1440993000001", IMEI: "867194030000017"}},
		Now:   func() time.Time { return at },
	}
}

type reply struct {
	status                         int
	RequestID, Code, Message       string
	Success                        bool
	ErrorMessage, LocalizedMessage string
	Data                           json.RawMessage
	detail                         struct{ VsimCardInfo map[string]any }
	flow                           struct{ ListPackageDTO []map[string]any }
	list                           struct {
		List                               []map[string]any
		PageNo, PageSize, PageCount, Total int
	}
}

var nonce int

// do makes a signed call; a blank parameter is left out.
func do(t *testing.T, h http.Handler, action string, params map[string]string) (r reply) {
	t.Helper()
	nonce++
	all := map[string]string{
		"Action": action, "Version": "2021-05-20", "Format": "JSON", "AccessKeyId": "testid", "SignatureMethod": "HMAC-SHA1",
		"SignatureVersion": "1.0", "SignatureNonce": fmt.Sprint(nonce), "Timestamp": "2026-11-21T20:55:58Z",
	}
	maps.Copy(all, params)
	q := url.Values{}
	for name, v := range all {
		if v != "" {
			q.Set(name, v)
		}
	}
	q.Set("Signature", alirpcsim.Signature(http.MethodPost, "testsecret", q))
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/?"+q.Encode(), nil))
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &r), recorder.Body.String())
	r.status = recorder.Code
	if len(r.Data) > 0 && r.Data[0] == '{' {
		for _, into := range []any{&r.detail, &r.flow, &r.list} {
			require.NoError(t, json.Unmarshal(r.Data, into))
		}
	}
	return r
}

func named(more ...string) map[string]string {
	params := map[string]string{"Iccid": card}
	for i := 0; i < len(more); i += 2 {
		params[more[i]] = more[i+1]
	}
	return params
}

func TestZeroValueServesAnOpenWorld(t *testing.T) {
	r := do(t, &Linkcard{}, "GetCardDetail", named())
	assert.Equal(t, "200", r.Code)
	assert.True(t, r.Success)
	assert.Equal(t, "100", r.detail.VsimCardInfo["OsStatus"])
}

func TestDetailsLookLikeTheDocuments(t *testing.T) {
	w := world()
	w.Cards[0].Packages = []spec.Package{{ID: "CM-1", Expires: at.Add(time.Hour)}, {ID: "COM0203"}}
	info := do(t, &Linkcard{World: w}, "GetCardDetail", named("ShowPsim", "false")).detail.VsimCardInfo
	assert.Equal(t, card, info["Iccid"])
	assert.Equal(t, "30", info["Status"])
	assert.Equal(t, "867194030000017", info["DeviceImei"])
	assert.Equal(t, []any{"1440993000001"}, info["Msisdn"])
	assert.Equal(t, "CUCC", info["Vendor"])
	assert.Equal(t, "CM-1", info["CredentialNo"])
	assert.Equal(t, "2026-11-22 05:55:58", info["ExpireTime"], "China's time")
	listed := do(t, &Linkcard{World: w}, "GetCardFlowInfo", named("DateList.1", "202611")).flow.ListPackageDTO
	require.Len(t, listed, 2)
	assert.Equal(t, "COM0203", listed[1]["PackageName"])
}

func TestEveryOsStatusHasItsStatus(t *testing.T) {
	for words, want := range map[string][2]string{
		"10": {"10", "10"}, "20": {"20", "20"}, "100": {"30", "100"}, "130": {"35", "130"}, "150": {"30", "150"}, "200": {"35", "200"},
		"300": {"35", "300"}, "400": {"35", "400"}, "500": {"35", "500"}, "600": {"35", "600"}, "700": {"35", "700"}, "40": {"40", "40"}, "50": {"50", "50"},
		"达量停用": {"35", "300"}, "主动停用": {"35", "200"}, "999": {"30", "999"},
	} {
		w := world()
		w.Cards[0].Words = words
		info := do(t, &Linkcard{World: w}, "GetCardDetail", named()).detail.VsimCardInfo
		assert.Equal(t, want, [2]string{info["Status"].(string), info["OsStatus"].(string)}, words)
	}
	for lifecycle, want := range map[spec.Lifecycle]string{
		spec.Active: "100", spec.Testing: "10", spec.Pending: "20", spec.Inventory: "20", spec.Dormant: "20", spec.SuspendedByOwner: "200",
		spec.SuspendedByCarrier: "400", spec.Closing: "50", spec.Closed: "50", spec.Transferred: "999",
	} {
		w := world()
		w.Cards[0].Status = lifecycle
		assert.Equal(t, want, do(t, &Linkcard{World: w}, "GetCardDetail", named()).detail.VsimCardInfo["OsStatus"], lifecycle)
	}
}

func TestCallsOutOfForm(t *testing.T) {
	for name, c := range map[string]struct {
		action string
		params map[string]string
		code   string
	}{
		"no ICCID":            {"GetCardDetail", nil, "MissingIccid"},
		"a misspelt one":      {"GetCardDetail", map[string]string{"ICCID": card}, "MissingIccid"},
		"nobody's card":       {"GetCardDetail", map[string]string{"Iccid": "89860617030017300391"}, "IccidNotExist"},
		"a destroyed card":    {"GetCardDetail", named("DestroyCard", "true"), "InstanceIdCanNotEmpty"},
		"Dyiotapi's action":   {"QueryCardStatus", named(), "InvalidAction.NotFound"},
		"Dyiotapi's version":  {"GetCardDetail", named("Version", "2017-11-11"), "InvalidVersion"},
		"too many months":     {"GetCardFlowInfo", named("DateList.7", "202611"), "IllegalRequest"},
		"page 0":              {"ListCardInfo", map[string]string{"PageNo": "0", "PageSize": "40"}, "IllegalRequest"},
		"pages of 50":         {"ListCardInfo", map[string]string{"PageNo": "1", "PageSize": "50"}, "IllegalRequest"},
		"another kind":        {"Renew", named("RechargeType", "MONTH", "SerialNo", "1", "BuyNum", "1"), "IllegalRequest"},
		"no serial":           {"Renew", named("RechargeType", "STANDARD", "BuyNum", "1"), "MissingSerialNo"},
		"no offer":            {"Renew", named("RechargeType", "OVERLAY", "SerialNo", "1", "BuyNum", "1"), "IllegalRequest"},
		"an offer to renew":   {"Renew", named("RechargeType", "STANDARD", "SerialNo", "1", "BuyNum", "1", "OfferCode", "x"), "IllegalRequest"},
		"five months":         {"Renew", named("RechargeType", "STANDARD", "SerialNo", "1", "BuyNum", "5"), "IllegalRequest"},
		"six extra packages":  {"Renew", named("RechargeType", "OVERLAY", "SerialNo", "1", "BuyNum", "6", "OfferCode", "100M"), "IllegalRequest"},
		"no number":           {"Renew", named("RechargeType", "STANDARD", "SerialNo", "1", "BuyNum", "x"), "IllegalRequest"},
		"an offer of nobody":  {"Renew", named("RechargeType", "OVERLAY", "SerialNo", "1", "BuyNum", "1", "OfferCode", "x"), "IllegalRequest"},
		"nothing to renew":    {"Renew", named("RechargeType", "STANDARD", "SerialNo", "1", "BuyNum", "1"), "CredentialInstanceNotExist"},
		"nobody's card again": {"Renew", map[string]string{"Iccid": "89860617030017300391", "RechargeType": "STANDARD", "SerialNo": "1", "BuyNum": "1"}, "IccidNotExist"},
	} {
		w := world()
		w.Offers = []string{"100M"}
		r := do(t, &Linkcard{World: w}, c.action, c.params)
		assert.Equal(t, c.code, r.Code, "%s: %s", name, r.ErrorMessage)
		assert.False(t, r.Success, name)
		assert.NotEmpty(t, r.RequestID, name)
	}
}

func TestStopAndResumeAskForTheRightStatus(t *testing.T) {
	for words, can := range map[string]string{
		"100": "StopSingleCard", "150": "StopSingleCard", "200": "ResumeSingleCard", "300": "ResumeSingleCard",
		"10": "", "20": "", "130": "", "400": "", "500": "", "600": "", "700": "", "40": "", "50": "",
	} {
		for action, after := range map[string]string{"StopSingleCard": "200", "ResumeSingleCard": "100"} {
			w := world()
			w.Cards[0].Words = words
			h := &Linkcard{World: w}
			r := do(t, h, action, named())
			if action != can {
				assert.Equal(t, "BusinessProcessError", r.Code, "%s of %s", action, words)
				continue
			}
			assert.Equal(t, "true", string(r.Data), "%s of %s", action, words)
			assert.Equal(t, after, do(t, h, "GetCardDetail", named()).detail.VsimCardInfo["OsStatus"])
		}
	}
}

func TestRenewalAddsToTheEnd(t *testing.T) {
	w := world()
	w.Cards[0].Packages = []spec.Package{{ID: "CM-1", Expires: at.AddDate(0, 1, 0)}}
	h := &Linkcard{World: w}
	order := named("RechargeType", "STANDARD", "SerialNo", "k1", "BuyNum", "3")
	first := do(t, h, "Renew", order)
	again := do(t, h, "Renew", order)
	assert.Equal(t, string(first.Data), string(again.Data), "a repeated serial is the first order")
	got, _ := w.Card(card)
	assert.True(t, got.Packages[0].Expires.Equal(at.AddDate(0, 4, 0)), "%s", got.Packages[0].Expires)
}

func TestPagesOfCards(t *testing.T) {
	w := &carriersim.World{Now: func() time.Time { return at }}
	for i := range 45 {
		w.Cards = append(w.Cards, carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("898600D69913%08d", i)), IMEI: "867194030000017"})
	}
	h := &Linkcard{World: w}
	for page, rows := range map[string]int{"1": 40, "2": 5, "3": 0} {
		r := do(t, h, "ListCardInfo", map[string]string{"PageNo": page, "PageSize": "40"}).list
		assert.Len(t, r.List, rows)
		assert.Equal(t, 45, r.Total)
		assert.Equal(t, 2, r.PageCount)
		for _, row := range r.List {
			assert.NotContains(t, row, "DeviceImei")
		}
	}
}

func TestRefusalsHaveTheProductsShape(t *testing.T) {
	for code, status := range map[string]int{
		"IccidNotExist": 200, "BusinessProcessError": 200, "InternalError": 500, "RPCInvokeError": 500, "SomethingElse": 200,
	} {
		w := world()
		w.Faults = []carriersim.Fault{{Kind: carriersim.CodeFault(code)}}
		r := do(t, &Linkcard{World: w}, "GetCardDetail", named())
		assert.Equal(t, code, r.Code)
		assert.Equal(t, status, r.status, code)
		assert.NotEmpty(t, r.ErrorMessage)
		assert.Empty(t, r.Message)
	}
}

func TestOwnLimit(t *testing.T) {
	w := world()
	w.RequestsPerSecond = 1
	h := &Linkcard{World: w}
	assert.Equal(t, "200", do(t, h, "GetCardDetail", named()).Code)
	r := do(t, h, "GetCardDetail", named())
	assert.Equal(t, "Throttling.User", r.Code, "the gateway's, in the gateway's shape")
	assert.NotEmpty(t, r.Message)
}

func TestListIsFilteredByWhatTheWorldKnows(t *testing.T) {
	w := &carriersim.World{Now: func() time.Time { return at }, Cards: []carriersim.Card{
		{ICCID: "89860617030017300390", MSISDN: "1440993000001", Packages: []spec.Package{{ID: "CM-1", Expires: at.Add(time.Hour)}}},
		{ICCID: "89860321043022000000", MSISDN: "1440993000002", Status: spec.SuspendedByOwner},
		{ICCID: "898600D6991330004146", MSISDN: "1440993000003", Words: "300", Account: "another"},
		{ICCID: "898602B0011430000544", MSISDN: "1440993000004", Words: "达量停用"},
	}}
	for name, c := range map[string]struct {
		filters map[string]string
		want    []string
	}{
		"operator":        {map[string]string{"Vendor": "CMCC"}, []string{"898602B0011430000544"}},
		"status":          {map[string]string{"Status": "35"}, []string{"898602B0011430000544", "89860321043022000000"}},
		"status, closer":  {map[string]string{"OsStatus": "200"}, []string{"89860321043022000000"}},
		"both":            {map[string]string{"Status": "35", "Vendor": "CTCC"}, []string{"89860321043022000000"}},
		"number":          {map[string]string{"Msisdn": "1440993000001"}, []string{"89860617030017300390"}},
		"ICCID":           {map[string]string{"Iccid": "898602b0011430000544"}, []string{"898602B0011430000544"}},
		"package":         {map[string]string{"CredentialNo": "CM-1"}, []string{"89860617030017300390"}},
		"end":             {map[string]string{"ExpireTimeStart": "2026-11-22 05:00:00", "ExpireTimeEnd": "2026-11-22 06:00:00"}, []string{"89860617030017300390"}},
		"end, open":       {map[string]string{"ExpireTimeEnd": "2036-11-22 06:00:00"}, []string{"89860617030017300390"}},
		"another account": {map[string]string{"Msisdn": "1440993000003"}, nil},
	} {
		params := map[string]string{"PageNo": "1", "PageSize": "10"}
		maps.Copy(params, c.filters)
		got := do(t, &Linkcard{World: w}, "ListCardInfo", params).list
		var iccids []string
		for _, row := range got.List {
			iccids = append(iccids, row["Iccid"].(string))
		}
		assert.ElementsMatch(t, c.want, iccids, name)
		assert.Equal(t, len(c.want), got.Total, name)
	}
	r := do(t, &Linkcard{World: w}, "ListCardInfo", map[string]string{"PageNo": "1", "PageSize": "10", "TagName": "x"})
	assert.Equal(t, "IllegalRequest", r.Code, "no list is taken for filtered that isn't")
	assert.Contains(t, r.ErrorMessage, "TagName")
}

func TestNumbersOfACardMayBeNamed(t *testing.T) {
	for name, c := range map[string]struct{ parameter, value, code string }{
		"in JSON":      {"OptMsisdns", `["1440993000001"]`, "200"},
		"numbered":     {"OptMsisdns.1", "1440993000001", "200"},
		"another card": {"OptMsisdns", `["1440993000002"]`, "IllegalRequest"},
		"no list":      {"OptMsisdns", "1440993000001", "IllegalRequest"},
	} {
		r := do(t, &Linkcard{World: world()}, "StopSingleCard", named(c.parameter, c.value))
		assert.Equal(t, c.code, r.Code, "%s: %s", name, r.ErrorMessage)
	}
	w := world()
	w.Cards[0].Words = "500"
	h := &Linkcard{World: w}
	assert.Equal(t, "200", do(t, h, "RebindResumeSingleCard", named("OptMsisdns", `["1440993000001"]`)).Code)
	assert.Equal(t, "100", do(t, h, "GetCardDetail", named()).detail.VsimCardInfo["OsStatus"])
}

func TestSettingsOfACardAreLookedAt(t *testing.T) {
	for name, c := range map[string]struct {
		action string
		params map[string]string
		code   string
	}{
		"a stop rule":         {"SetCardStopRule", named("FlowLimit", "100", "AutoRestore", "true"), "200"},
		"no limit":            {"SetCardStopRule", named("AutoRestore", "true"), "MissingFlowLimit"},
		"a limit in words":    {"SetCardStopRule", named("FlowLimit", "much", "AutoRestore", "true"), "IllegalRequest"},
		"perhaps":             {"SetCardStopRule", named("FlowLimit", "100", "AutoRestore", "perhaps"), "IllegalRequest"},
		"a switch":            {"UpdateAutoRechargeSwitch", named("Open", "false"), "200"},
		"tags":                {"AddTagsToCard", named("TagNameList", `["a", "b"]`), "200"},
		"five tags":           {"AddTagsToCard", named("TagNameList", `["a", "b", "c", "d", "e"]`), "IllegalRequest"},
		"nobody's card":       {"UpdateAutoRechargeSwitch", map[string]string{"Iccid": "89860617030017300391", "Open": "true"}, "IccidNotExist"},
		"activated already":   {"ForceActivation", named(), "BusinessProcessError"},
		"what exists, not so": {"GetRealNameStatus", nil, "NotSimulated"},
	} {
		assert.Equal(t, c.code, do(t, &Linkcard{World: world()}, c.action, c.params).Code, name)
	}
	w := world()
	w.Cards[0].Words = "20"
	assert.Equal(t, "200", do(t, &Linkcard{World: w}, "ForceActivation", named("DateType", "1")).Code)
	card, _ := w.Card(card)
	assert.Equal(t, spec.Active, card.Status)
}
