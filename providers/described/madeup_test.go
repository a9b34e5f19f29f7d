package described_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers"
	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/providers/described"
	"github.com/cardfleet/cardfleet/providers/described/madeupsim"
	"github.com/cardfleet/cardfleet/providers/providertest"
	"github.com/cardfleet/cardfleet/spec"
)

// madeUp is the definition of a carrier that doesn't exist. It was written from the
// manual beside it by another hand than the simulated carrier.
func madeUp(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/madeup/madeup.carrier.hcl")
	require.NoError(t, err)
	return string(text)
}

func TestACarrierThatNobodyHasSeenPassesTheWholeSuite(t *testing.T) {
	const order = "order.submit"
	providertest.Run(t, providertest.Harness{
		Type:     well(t, madeUp(t)).Type(),
		Carrier:  madeupsim.Carrier,
		ReadCall: "card.query",
		ChangeCalls: map[spec.Kind]string{
			spec.Stop: order, spec.Resume: order, spec.ChangeBind: order, spec.Unbind: order, spec.Subscribe: order, spec.Unsubscribe: order,
		},
	})
}

func TestTheMadeUpDefinitionKeepsToItsSamples(t *testing.T) {
	d := well(t, madeUp(t))
	assert.Empty(t, d.Unsampled())
	assert.Equal(t, []described.Failure(nil), d.Test())
}

// Both of the manual's samples: the requests stand in the place of the read's.
func TestTheMadeUpManualsSamplesAreSignedAsItSays(t *testing.T) {
	const read = `form = { service = "card.query", assetNos = card.asset }`
	for _, row := range []struct{ form, nonce, now, sign string }{
		{
			`form = { service = "card.find", iccids = "89860617030017300390,898600D6991330004146" }`, "a81f3c07d2", "2026-11-29T08:05:09Z",
			"74A207758BA2972D6A601C753B3F90EA260FF8CE13062393EBFA412B9651EB2C",
		},
		{
			`form = { service = "order.submit", opType = "03", targets = "AM8EM9HRHMSKCHVFYO:867194030000025", outTradeNo = "", remark = "更换设备 A&B" }`, "a81f3c07d3", "2026-11-29T08:05:10Z",
			"C0EE30B0D7B6CE1CC13F34429BC8A44BBAEA0B0F0570A45443670C0B411104B8",
		},
	} {
		text := strings.TrimSuffix(strings.TrimSpace(madeUp(t)), "}") + `
  sample "the manual's" {
    card    = { iccid = "89860617030017300390", asset = "AM8EM9HRHMSKCHVFYO" }
    setting = { app_key = "BC20260001", app_secret = "6f1c5e0b94d84a0f" }
    now     = "` + row.now + `"
    sends   = { form = { sign = "` + row.sign + `" } }
    reply   = { xml = "<response><code>0000</code><data><cards><card><iccid>89860617030017300390</iccid><status>正常</status></card></cards></data></response>" }
    gives   = { lifecycle = "active" }
  }
}`
		text = replaced(t, text, read, row.form)
		text = replaced(t, text, `nonce = replace(uuid(), "-", "")`, `nonce = "`+row.nonce+`"`)
		for _, f := range well(t, text).Test() {
			assert.NotEqual(t, "the manual's", f.Sample, f.Problem)
		}
	}
}

// replaced is a text with something else in the place of what stands in it once.
func replaced(t *testing.T, text, old, its string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(text, old), old)
	return strings.Replace(text, old, its, 1)
}

// beichen is the made-up carrier, and a provider in front of it that remembers what
// the test says, without sockets.
func beichen(t *testing.T, world *carriersim.World, remembered map[spec.ICCID]string) providers.Provider {
	t.Helper()
	world.Record, world.Now = true, time.Now
	carrier := madeupsim.Carrier(world)
	network := providertest.InProcess{Handler: carriersim.Serve([]carriersim.Carrier{carrier})}
	settings := carrier.Point(spec.ProviderConfig{}, "http://carrier.localhost").Settings
	p := providertest.OpenOn(t, well(t, madeUp(t)).Type(), providertest.Env(network, nil), settings)
	p.(providers.Keyed).SetKeys(func(card spec.ICCID) providers.Key {
		if asset := remembered[card]; asset != "" {
			return providers.Key{IDs: map[string]string{"asset": asset}}
		}
		return providers.Key{}
	})
	return p
}

// Cards are read a hundred at once whose ids are known, and keep those; what such a
// request can't tell is asked for by itself.
func TestABatchAsksOnlyForCardsWhoseIDsAreKnown(t *testing.T) {
	world, wants := &carriersim.World{}, []providers.Want{}
	for i := range 15 {
		card := spec.ICCID(fmt.Sprintf("898603210300173%05d", i)) // ten of each stem
		world.Cards = append(world.Cards, carriersim.Card{ICCID: card})
		wants = append(wants, providers.Want{ICCID: card, Attrs: spec.AttrActive | spec.AttrPackages})
	}
	wants = append(wants, providers.Want{ICCID: "89860321030017399999", Attrs: spec.AttrActive}) // which the carrier doesn't have
	remembered := map[spec.ICCID]string{wants[4].ICCID: "AM000000000000000XX"}                   // which it has no more
	readings, err := providers.ReadAll(t.Context(), beichen(t, world, remembered), wants, providers.ReadOptions{})
	require.NoError(t, err)
	assets := map[string]bool{}
	for i, r := range readings[:15] {
		assert.Equal(t, spec.Active, r.Lifecycle, "card %d: %s", i, r.Unread)
		assert.Empty(t, r.Packages)
		assert.True(t, r.Tells(spec.AttrPackages))
		assets[r.CarrierIDs["asset"]] = true
	}
	assert.Len(t, assets, 15)
	assert.NotContains(t, assets, "AM000000000000000XX", "an id that is no card's is looked up anew")
	assert.Equal(t, spec.NotFound, readings[15].Lifecycle)
	assert.LessOrEqual(t, world.Count("card.query"), 3, "the batch, and the card whose id was wrong, twice")
}

// An answer with HTTP 200 doesn't prove by itself that nothing was done, whatever its
// code says: a reading that shows the old value does.
func TestAChangeThatIsOneTooManyGoesAgainOnlyAfterAReadingOfTheOldValue(t *testing.T) {
	for _, row := range []struct {
		name  string
		is    spec.Lifecycle
		sent  int
		works bool
	}{{"the old value", spec.Active, 2, true}, {"the new value", spec.SuspendedByOwner, 1, false}} {
		synctest.Test(t, func(t *testing.T) {
			world := &carriersim.World{Cards: []carriersim.Card{{ICCID: "89860321030017300390", Status: row.is}}}
			world.Faults = []carriersim.Fault{{Action: "order.submit", Kind: carriersim.Throttle, Times: 1}}
			p := beichen(t, world, nil)
			receipt, err := p.Do(t.Context(), providers.Change{Change: spec.Change{Kind: spec.Stop}, ICCID: "89860321030017300390"})
			assert.Equal(t, row.works, err == nil, "%s: %v", row.name, err)
			assert.Equal(t, row.sent, world.Count("order.submit"), row.name)
			if row.works {
				assert.Regexp(t, `^bc-\d+$`, receipt.RequestID, "the reply says what the request is called")
			} else {
				assert.Equal(t, providers.EffectUnknown, providers.EffectOf(err))
			}
		})
	}
}

// A list that doesn't tell the packages says so, and they are read of the card.
func TestAListThatDoesNotTellSaysNull(t *testing.T) {
	able := well(t, madeUp(t)).Capabilities()
	assert.True(t, able.Reads.Has(spec.AttrPackages))
	assert.Equal(t, spec.AttrActive|spec.AttrBinding, able.ListTells)
	inherits := replaced(t, madeUp(t), "    packages  = null\n", "")
	assert.True(t, well(t, inherits).Capabilities().ListTells.Has(spec.AttrPackages))
}
