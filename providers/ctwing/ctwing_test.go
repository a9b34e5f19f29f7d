package ctwing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/ctwing"
	"github.com/cardfleet/cardfleet/providers/ctwing/ctwingsim"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

func definition(t *testing.T, text string) *described.Definition {
	t.Helper()
	require.NotContains(t, text, "\r")
	return described.Embedded("ctwing.carrier.hcl", text)
}

// The manual's own sample (1.2.3.1, as a client's test quotes it) is of a request that
// the definition doesn't make. So it stands in the place of the read's request, and a
// sample says what it is to be signed with.
func TestTheManualsSampleIsSignedAsTheManualSays(t *testing.T) {
	const manual = `
  sample "the manual's" {
    card    = { iccid = "89860321030017300390", access_number = "14912061160" }
    setting = { app_key = "my-app-key", secret_key = "d1209cfefe895364e03" }
    now     = "2020-11-01T02:14:35Z"
    sends = {
      body = "{\"name\":\"xf\",\"age\":\"dd\"}"
      headers = { AppKey = "my-app-key", Timestamp = "20201101021435", Sign = "3863613035653132306631333231313733383637376333326536316631643934" }
    }
    reply = { json = { result = "0", productInfo = [{ productMainStatusCd = "4" }] } }
    gives = { lifecycle = "active" }
  }
}`
	const request = `request = {
      path  = "/openapi/v1/prodinst/queryCardMainStatus"
      query = { access_number = card.access_number, queryDropCard = "true" }
    }`
	const its = `request = { method = "POST", reads = true, path = "/openapi/v1/prodinst/getSIMAmount", query = { c = 3, a = 1, b = 2 }, text = "{\"name\":\"xf\",\"age\":\"dd\"}" }`
	require.Equal(t, 1, strings.Count(ctwing.Definition, request))
	text := strings.Replace(ctwing.Definition, request, its, 1)
	text = strings.TrimSuffix(strings.TrimRight(text, "\n"), "}") + manual
	for _, f := range definition(t, text).Test() {
		if f.Sample == "the manual's" {
			t.Errorf("%s", f.Problem)
		}
	}
	wrong := strings.Replace(text, "3863613035653132", "3863613035653133", 1)
	assert.NotEmpty(t, definition(t, wrong).Test(), "the test would tell another signature")
}

// rig is a provider in front of a world.
func rig(t *testing.T, world *carriersim.World) providers.Provider {
	t.Helper()
	world.Record, world.Now = true, time.Now
	return providertest.Simulated(t, definition(t, ctwing.Definition).Type(), ctwingsim.Carrier(world), nil)
}

// The order depends on whether the card is in use or being tested.
func TestACardThatIsTestedIsStoppedAndResumedAsSuch(t *testing.T) {
	const card = spec.ICCID("89860321030017300390")
	for _, row := range []struct {
		status spec.Lifecycle
		words  string
		kind   spec.Kind
		order  string
		after  spec.Lifecycle
	}{
		{spec.Active, "", spec.Stop, "19", spec.SuspendedByOwner},
		{spec.SuspendedByOwner, "", spec.Resume, "20", spec.Active},
		{spec.Testing, "", spec.Stop, "21", spec.SuspendedByOwner},
		{spec.SuspendedByOwner, "3 测试去激活", spec.Resume, "22", spec.Testing},
	} {
		world := &carriersim.World{Cards: []carriersim.Card{{ICCID: card, MSISDN: "14912061160", Status: row.status, Words: row.words}}}
		p := rig(t, world)
		_, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: row.kind}, ICCID: card})
		require.NoError(t, err)
		requests := world.Requests()
		last := requests[len(requests)-1]
		assert.Equal(t, "disabledNumberService", last.Action)
		assert.Equal(t, map[string]string{"access_number": "14912061160", "acctCd": "", "orderTypeId": row.order}, last.Params)
		reading, err := p.Read(t.Context(), card, spec.AttrActive)
		require.NoError(t, err)
		assert.Equal(t, row.after, reading.Lifecycle, row.order)
		assert.Equal(t, map[string]string{"access_number": "14912061160"}, reading.CarrierIDs)
	}
}

// A stop is somebody's: the list doesn't say whose, so a stopped card is read by itself.
func TestWhoStoppedACardIsReadOfTheCardItself(t *testing.T) {
	world, wants := fleet(60)
	world.Cards[3].Status, world.Cards[7].Words = spec.SuspendedByOwner, "5 欠费停机"
	p := rig(t, world)
	readings, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{})
	require.NoError(t, err)
	for i, r := range readings {
		want := map[int]spec.Lifecycle{3: spec.SuspendedByOwner, 7: spec.SuspendedByCarrier}[i]
		if want == "" {
			want = spec.Active
		}
		assert.Equal(t, want, r.Lifecycle, "card %d: %s", i, r.Unread)
	}
	assert.Equal(t, 3, world.Count("getSIMList"), "two pages, and the empty one that ends the list")
	assert.Equal(t, 2, world.Count("queryCardMainStatus"))
}

// The device in use takes a call of its own, which is made where a device is declared.
func TestTheDeviceInUseIsReadWhereADeviceIsDeclared(t *testing.T) {
	world, wants := fleet(60)
	wants[5].Attrs |= spec.AttrBinding
	p := rig(t, world)
	able := p.Capabilities()
	assert.True(t, able.ObservesIMEI)
	assert.False(t, able.Reads.Has(spec.AttrBinding), "the device in use proves no binding")
	assert.Equal(t, 3, able.CallsToRead(spec.AttrBinding))
	readings, err := providers.ReadAll(t.Context(), p, wants, providers.ReadOptions{})
	require.NoError(t, err)
	assert.Equal(t, spec.IMEI("8615360301960500"), readings[5].Observed)
	assert.Empty(t, readings[5].IMEI)
	assert.Equal(t, 1, world.Count("getOnlineStatus"))

	single, err := p.Read(t.Context(), wants[5].ICCID, spec.AttrBinding)
	require.NoError(t, err)
	assert.Equal(t, readings[5].Observed, single.Observed)
	world.Break(carriersim.Fault{Action: "getOnlineStatus", Kind: carriersim.CodeFault("-1")})
	without, err := p.Read(t.Context(), wants[5].ICCID, spec.AttrBinding)
	require.NoError(t, err)
	assert.Empty(t, without.Observed, "a card that isn't online tells none")
	assert.Equal(t, spec.Active, without.Lifecycle)
}

// fleet is n cards in service, and what is wanted of them.
func fleet(n int) (*carriersim.World, []providers.Want) {
	world, wants := &carriersim.World{}, make([]providers.Want, n)
	for i := range wants {
		wants[i] = providers.Want{ICCID: spec.ICCID(fmt.Sprintf("898603210300173%05d", i)), Attrs: spec.AttrActive}
		world.Cards = append(world.Cards, carriersim.Card{
			ICCID: wants[i].ICCID, MSISDN: fmt.Sprintf("149120%05d", i), IMEI: spec.IMEI(fmt.Sprintf("861536030196%02d0", i)),
		})
	}
	return world, wants
}
