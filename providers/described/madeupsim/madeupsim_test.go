package madeupsim

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

const (
	first  = spec.ICCID("89860617030017300390")
	second = spec.ICCID("898600D6991330004146")
	device = "867194030000017"
	spare  = "867194030000025"
)

// manual is the text that the simulator is written from.
func manual(t *testing.T) string {
	data, err := os.ReadFile("../testdata/madeup/manual.md")
	require.NoError(t, err)
	return string(data)
}

// rig is a simulated Beichen with somebody who has its secret.
type rig struct {
	t      *testing.T
	sim    *Beichen
	world  *carriersim.World
	now    time.Time
	secret string
	calls  int
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: time.Date(2026, 11, 29, 8, 5, 9, 0, time.UTC), secret: "testsecret"}
	r.world = &carriersim.World{
		Cards: []carriersim.Card{
			{ICCID: first, IMEI: device, MSISDN: "1064633113571", Packages: []spec.Package{{ID: "100M"}}},
			{ICCID: second, Status: spec.SuspendedByCarrier},
			{ICCID: "89860617030017300391", Account: "somebody"}, {ICCID: "89860617030017300392", Status: spec.Transferred},
		},
		Now: func() time.Time { return r.now },
	}
	r.sim = &Beichen{World: r.world}
	return r
}

// params are those of a call, signed: "card.query assetNos=…&…".
func (r *rig) params(call string) url.Values {
	service, query, _ := strings.Cut(call, " ")
	own, err := url.ParseQuery(query)
	require.NoError(r.t, err)
	r.calls++
	all := map[string]string{
		"service": service, "app_key": "testid", "timestamp": r.now.In(beijing).Format("20060102150405"), "nonce": fmt.Sprintf("nonce%05d", r.calls), "v": "2.0",
	}
	for name := range own {
		all[name] = own.Get(name)
	}
	return r.signed(all)
}

func (r *rig) signed(all map[string]string) url.Values {
	values := url.Values{"sign": {Sign(all, r.secret)}}
	for name, value := range all {
		values.Set(name, value)
	}
	return values
}

// answer is the reply of any service.
type answer struct {
	Code string `xml:"code"`
	Data struct {
		OrderNo  string `xml:"orderNo"`
		State    string `xml:"state"`
		Repeated string `xml:"repeated"`
		Total    string `xml:"total"`
		Items    []item `xml:"items>item"`
		Cards    []struct {
			ICCID    string   `xml:"iccid"`
			AssetNo  string   `xml:"assetNo"`
			RetCode  string   `xml:"retCode"`
			Status   string   `xml:"status"`
			StopKind string   `xml:"stopKind"`
			BindIMEI string   `xml:"bindImei"`
			NetIMEI  string   `xml:"netImei"`
			Products []string `xml:"products>product>productCode"`
		} `xml:"cards>card"`
	} `xml:"data"`
}

func (r *rig) send(body string) (a answer, raw string) {
	r.t.Helper()
	req := httptest.NewRequest("POST", "/router", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	got := httptest.NewRecorder()
	r.sim.ServeHTTP(got, req)
	require.Equal(r.t, 200, got.Code)
	require.NoError(r.t, xml.Unmarshal(got.Body.Bytes(), &a), got.Body.String())
	return a, got.Body.String()
}

// want is a call that is answered with the code.
func (r *rig) want(code, call string) answer {
	r.t.Helper()
	a, raw := r.send(r.params(call).Encode())
	require.Equal(r.t, code, a.Code, "%s: %s", call, raw)
	return a
}

// done is an order of one card that ends with the code.
func (r *rig) done(code, call string) {
	r.t.Helper()
	no := r.want("0000", "order.submit "+call).Data.OrderNo
	r.now = r.now.Add(5 * time.Second)
	end := r.want("0000", "order.query orderNo="+no).Data
	require.Len(r.t, end.Items, 1)
	assert.Equal(r.t, code, end.Items[0].Code, call)
}

func TestTheManualsSignaturesHold(t *testing.T) {
	examples := regexp.MustCompile("(?s)```\nsigned: (.*?)\nsign: +(.*?)\nbody: +(.*?)\n```").FindAllStringSubmatch(manual(t), -1)
	require.Len(t, examples, 2)
	for _, example := range examples {
		values, err := url.ParseQuery(example[3])
		require.NoError(t, err)
		params := map[string]string{}
		for name := range values {
			params[name] = values.Get(name)
		}
		const secret = "6f1c5e0b94d84a0f"
		assert.Equal(t, example[2], Sign(params, secret))
		assert.Equal(t, example[2], values.Get("sign"))
		assert.Equal(t, 2, strings.Count(example[1], secret))
		r := newRig(t)
		r.world.Admit(carriersim.Account{ID: "BC20260001", Secret: secret})
		a, raw := r.send(example[3])
		assert.Equal(t, "0000", a.Code, raw)
	}
}

// paths are the elements of a reply, by the names on the way there, and the attributes.
func paths(t *testing.T, data string) []string {
	seen, at := map[string]bool{}, ""
	d := xml.NewDecoder(strings.NewReader(data))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			at += "/" + token.Name.Local
			seen[at] = true
			for _, a := range token.Attr {
				seen[at+"@"+a.Name.Local] = true
			}
		case xml.EndElement:
			at = at[:strings.LastIndex(at, "/")]
		}
	}
	var list []string
	for path := range seen {
		list = append(list, path)
	}
	slices.Sort(list)
	return list
}

func TestRepliesHaveTheElementsOfTheManualsSamples(t *testing.T) {
	r := newRig(t)
	var got []string
	for _, call := range []string{
		"card.find iccids=" + string(first) + "," + string(second),
		"card.query assetNos=" + assetOf(first) + ",AM000000000000000XX",
		"card.list pageNo=1",
		"order.submit opType=01&targets=" + assetOf(first),
	} {
		_, raw := r.send(r.params(call).Encode())
		got = append(got, raw)
	}
	r.now = r.now.Add(time.Minute)
	_, raw := r.send(r.params("order.query orderNo=" + regexp.MustCompile(`WO\d{16}`).FindString(got[3])).Encode())
	got = append(got, raw)
	samples := regexp.MustCompile("(?s)```xml\n(<data>.*?</data>)\n```").FindAllStringSubmatch(manual(t), -1)
	require.Len(t, samples, len(got))
	for i, sample := range samples {
		data := got[i][strings.Index(got[i], "<data>") : strings.Index(got[i], "</data>")+len("</data>")]
		assert.Equal(t, paths(t, sample[1]), paths(t, data))
	}
}

func TestWhatTheGatewayRefuses(t *testing.T) {
	r := newRig(t)
	call := "card.find iccids=" + string(first)
	for name, row := range map[string]struct{ code, name, value string }{
		"another secret":  {"1002", "sign", strings.Repeat("0", 64)},
		"another account": {"1005", "app_key", "nobody"},
		"version":         {"1001", "v", "1.0"},
		"short nonce":     {"1001", "nonce", "1234567"},
		"no nonce":        {"1001", "nonce", ""},
		"value changed":   {"1002", "iccids", string(second)},
	} {
		values := r.params(call)
		values.Set(row.name, row.value)
		a, _ := r.send(values.Encode())
		assert.Equal(t, row.code, a.Code, name)
	}
	values := r.params(call)
	a, _ := r.send(values.Encode() + "&v=2.0")
	assert.Equal(t, "1001", a.Code, "twice")
	lower := r.params(call)
	lower.Set("sign", strings.ToLower(lower.Get("sign")))
	a, _ = r.send(lower.Encode())
	assert.Equal(t, "1002", a.Code, "lower case")
	r.want("1001", call+"&page=1")
	r.want("1001", "card.close")
	for path, status := range map[string]int{"/": 404, "/router/card.find": 404, "/router?v=2.0": 404} {
		got := httptest.NewRecorder()
		r.sim.ServeHTTP(got, httptest.NewRequest("POST", path, nil))
		assert.Equal(t, status, got.Code, path)
	}
	got := httptest.NewRecorder()
	r.sim.ServeHTTP(got, httptest.NewRequest("GET", "/router", nil))
	assert.Equal(t, 405, got.Code)
	got = httptest.NewRecorder()
	r.sim.ServeHTTP(got, httptest.NewRequest("POST", "/router", bytes.NewBufferString(r.params(call).Encode())))
	assert.Contains(t, got.Body.String(), "<code>1001</code>", "the body's type is asked for")
}

func TestANonceIsTakenOnce(t *testing.T) {
	r := newRig(t)
	r.now = time.Date(2026, 11, 29, 8, 19, 59, 0, time.UTC) // just before a span's end
	values := r.params("card.find iccids=" + string(first))
	for _, code := range []string{"0000", "1004", "1004"} {
		a, _ := r.send(values.Encode())
		assert.Equal(t, code, a.Code)
		r.now = r.now.Add(2 * time.Minute)
	}
	r.now = r.now.Add(10 * time.Minute)
	a, _ := r.send(values.Encode())
	assert.Equal(t, "1003", a.Code)
}

func TestTheTimeIsBeijings(t *testing.T) {
	r := newRig(t)
	for stamp, code := range map[string]string{
		"20261129160509": "0000", "20261129155509": "0000", "20261129161510": "1003", "20261129080509": "1003", "2026-11-29 16:05:09": "1001",
	} {
		values := r.params("card.find iccids=" + string(first))
		all := map[string]string{}
		for name := range values {
			all[name] = values.Get(name)
		}
		delete(all, "sign")
		all["timestamp"] = stamp
		a, _ := r.send(r.signed(all).Encode())
		assert.Equal(t, code, a.Code, stamp)
	}
}

func TestOnlyAFindTakesICCIDs(t *testing.T) {
	r := newRig(t)
	found := r.want("0000", "card.find iccids="+strings.Join([]string{string(first), "898600d6991330004146", "89860617030017300391", "89860000000000000000"}, ",")).Data.Cards
	require.Len(t, found, 2)
	assert.Equal(t, "898600d6991330004146", found[0].ICCID)
	assert.Equal(t, assetOf(first), found[1].AssetNo)
	assert.Empty(t, r.want("0000", "card.find iccids=89860000000000000000").Data.Cards)
	r.want("1001", "card.query assetNos="+string(first))
	r.want("1001", "order.submit opType=01&targets="+string(first))
	r.want("1001", "card.find iccids=")
	many := strings.TrimSuffix(strings.Repeat(string(first)+",", 101), ",")
	r.want("3003", "card.find iccids="+many)
}

func TestAssetNumbersStandForOneCard(t *testing.T) {
	for _, iccid := range []spec.ICCID{first, second, "8986061703001730039", "89FFFFFFFFFFFFFFFFFF"} {
		back, ok := parseAsset(assetOf(iccid))
		assert.True(t, ok)
		assert.Equal(t, iccid, back)
	}
	back, ok := parseAsset("AM000000000000000XX")
	assert.True(t, ok, "well written, and nobody's")
	assert.Empty(t, back)
	for _, wrong := range []string{"", "AM", "AM8em9hrhmskchvfyo", string(first), strings.ToLower(assetOf(first))} {
		_, ok := parseAsset(wrong)
		assert.False(t, ok, wrong)
	}
}

func TestAQuerysCardsHaveCodesOfTheirOwn(t *testing.T) {
	r := newRig(t)
	got := r.want("0000", "card.query assetNos="+strings.Join([]string{assetOf(first), assetOf("89860617030017300391"), assetOf(second)}, ",")).Data.Cards
	require.Len(t, got, 3)
	by := map[string]int{}
	for i, c := range got {
		by[c.AssetNo] = i
	}
	one := got[by[assetOf(first)]]
	assert.Equal(t, "0000", one.RetCode)
	assert.Equal(t, "正常", one.Status)
	assert.Equal(t, device, one.BindIMEI)
	assert.Equal(t, device[:14]+"01", one.NetIMEI)
	assert.Equal(t, []string{"100M"}, one.Products)
	two := got[by[assetOf(second)]]
	assert.Equal(t, "停机 欠费停机", two.Status+" "+two.StopKind)
	assert.Empty(t, two.NetIMEI)
	assert.Equal(t, "2001", got[by[assetOf("89860617030017300391")]].RetCode)
}

func TestTheListHasPages(t *testing.T) {
	r := newRig(t)
	for i := range 20 {
		r.world.Cards = append(r.world.Cards, carriersim.Card{ICCID: spec.ICCID(fmt.Sprintf("8986061703001731%04d", i))})
	}
	page := r.want("0000", "card.list pageNo=3&pageSize=10").Data
	assert.Equal(t, "22", page.Total)
	require.Len(t, page.Cards, 2)
	assert.Equal(t, "89860617030017310019", page.Cards[1].ICCID)
	assert.Empty(t, r.want("0000", "card.list pageNo=900000000000&pageSize=10").Data.Cards)
	assert.Len(t, r.want("0000", "card.list pageNo=1").Data.Cards, 22)
	for _, wrong := range []string{"", "pageNo=0", "pageNo=1&pageSize=9", "pageNo=1&pageSize=201", "pageNo=1&pageSize=x"} {
		r.want("1001", "card.list "+wrong)
	}
}

func TestAnOrderWaitsIsUnderWayAndEndsCardByCard(t *testing.T) {
	r := newRig(t)
	order := r.want("0000", "order.submit opType=01&targets="+assetOf(first)+"%3B"+assetOf(second)+"&remark=月底停机").Data
	assert.Equal(t, "0", order.State)
	look := "order.query orderNo=" + order.OrderNo
	assert.Empty(t, r.want("0000", look).Data.Items)
	r.now = r.now.Add(2 * time.Second)
	midway := r.want("0000", look).Data
	assert.Equal(t, "1", midway.State)
	assert.Equal(t, []string{"W", "W"}, []string{midway.Items[0].Result, midway.Items[1].Result})
	again := r.want("0000", "order.submit opType=02&targets="+assetOf(first)).Data.OrderNo
	r.now = r.now.Add(3 * time.Second)
	end := r.want("0000", look).Data
	assert.Equal(t, "3", end.State)
	assert.Equal(t, "S 0000", end.Items[0].Result+" "+end.Items[0].Code)
	assert.Equal(t, "F 3104", end.Items[1].Result+" "+end.Items[1].Code)
	r.now = r.now.Add(5 * time.Second)
	other := r.want("0000", "order.query orderNo="+again).Data
	assert.Equal(t, "4", other.State)
	assert.Equal(t, "3105", other.Items[0].Code)
	r.now = r.now.Add(kept + time.Second)
	r.want("3008", look)
}

func TestAnOrderWithAMistakeIsNotTaken(t *testing.T) {
	r := newRig(t)
	one := assetOf(first)
	for call, code := range map[string]string{
		"opType=07&targets=" + one:                                                       "3001",
		"opType=1&targets=" + one:                                                        "3001",
		"opType=01&targets=":                                                             "1001",
		"opType=01&targets=" + one + ":1":                                                "1001",
		"opType=03&targets=" + one:                                                       "1001",
		"opType=03&targets=" + one + ":86719403000001":                                   "1001",
		"opType=05&targets=" + one + ":":                                                 "1001",
		"opType=01&targets=" + one + "%3B" + one:                                         "3002",
		"opType=01&targets=" + one + "&outTradeNo=1234":                                  "1001",
		"opType=01&targets=" + one + "&remark=" + strings.Repeat("x", 101):               "1001",
		"opType=01&targets=" + strings.TrimSuffix(strings.Repeat(one+"%3B", 101), "%3B"): "3003",
	} {
		r.want(code, "order.submit "+call)
	}
	card, _ := r.world.Card(first)
	assert.Equal(t, spec.Active, card.Status)
	r.want("1001", "order.query ")
	r.want("1001", "order.query orderNo=1&outTradeNo=12345678")
	r.want("3008", "order.query orderNo=WO2026112900000001")
}

func TestAnOwnNumberBeginsOneOrder(t *testing.T) {
	r := newRig(t)
	call := "order.submit opType=01&outTradeNo=own-number-1&targets=" + assetOf(first)
	one := r.want("0000", call).Data
	assert.Equal(t, "N", one.Repeated)
	r.now = r.now.Add(10 * time.Second)
	r.done("0000", "opType=02&targets="+assetOf(first))
	again := r.want("0000", call).Data
	assert.Equal(t, "Y", again.Repeated)
	assert.Equal(t, one.OrderNo, again.OrderNo)
	assert.Equal(t, "2", again.State)
	card, _ := r.world.Card(first)
	assert.Equal(t, spec.Active, card.Status, "it is not done again")
	r.want("3007", "order.submit opType=02&outTradeNo=own-number-1&targets="+assetOf(first))
	assert.Equal(t, one.OrderNo, r.want("0000", "order.query outTradeNo=own-number-1").Data.OrderNo)
	r.want("3008", "order.query orderNo=own-number-1")
	r.want("3008", "order.query outTradeNo="+one.OrderNo)
}

func TestChangesAreTakenFromTheirStatuses(t *testing.T) {
	r := newRig(t)
	one, two := assetOf(first), assetOf(second)
	for _, row := range []struct{ call, code string }{
		{"opType=02&targets=" + one, "3103"}, {"opType=01&targets=" + one, "0000"}, {"opType=01&targets=" + one, "3103"}, {"opType=02&targets=" + one, "0000"},
		{"opType=02&targets=" + two, "3104"}, {"opType=01&targets=" + two, "3104"},
		{"opType=03&targets=" + one + ":" + device, "3103"}, {"opType=03&targets=" + one + ":" + spare, "0000"},
		{"opType=04&targets=" + one, "0000"}, {"opType=04&targets=" + one, "3103"},
		{"opType=05&targets=" + one + ":100M", "3106"}, {"opType=05&targets=" + one + ":1G", "0000"},
		{"opType=06&targets=" + one + ":1G", "0000"}, {"opType=06&targets=" + one + ":1G", "3107"},
		{"opType=01&targets=" + assetOf("89860617030017300392"), "2001"},
	} {
		r.done(row.code, row.call)
	}
	r.world.Offers, r.world.ExclusiveIMEI = []string{"100M"}, true
	r.done("3108", "opType=05&targets="+one+":2G")
	r.done("0000", "opType=03&targets="+one+":"+spare)
	r.done("3110", "opType=03&targets="+two+":"+spare)
	_, err := r.world.Change(first, func(c *carriersim.Card) bool { c.Status = spec.Closed; return true })
	require.NoError(t, err)
	r.done("3104", "opType=04&targets="+one)
}

func TestACardStoppedForItsDeviceComesBackWithThat(t *testing.T) {
	r := newRig(t)
	_, err := r.world.Change(first, func(c *carriersim.Card) bool { c.Status, c.InUse = spec.SuspendedByCarrier, spare; return true })
	require.NoError(t, err)
	assert.Equal(t, "机卡分离停机", r.want("0000", "card.query assetNos="+assetOf(first)).Data.Cards[0].StopKind)
	r.done("3104", "opType=02&targets="+assetOf(first))
	r.done("0000", "opType=03&targets="+assetOf(first)+":"+spare)
	assert.Equal(t, "正常", r.want("0000", "card.query assetNos="+assetOf(first)).Data.Cards[0].Status)
}

func TestAFaultLetsAnOrderComeToNothing(t *testing.T) {
	r := newRig(t)
	r.world.Break(carriersim.Fault{Action: "order.submit", Kind: carriersim.CodeFault("3105"), Times: 1}, carriersim.Fault{Action: "order.submit", Kind: carriersim.CodeFault("9001")})
	r.done("3105", "opType=01&targets="+assetOf(first))
	r.want("9001", "order.submit opType=01&targets="+assetOf(first))
	card, _ := r.world.Card(first)
	assert.Equal(t, spec.Active, card.Status)
}
