package cli_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

func number(i int) string { return fmt.Sprintf("10646331135%02d", i) }

// numbered is a fleet of China Mobile's cards whose table has their numbers, but for
// the last card's.
func numbered(t *testing.T) *rig {
	t.Helper()
	world := &carriersim.World{Record: true}
	r := newRig(t, world)
	r.env["CMIOT_APPID"], r.env["CMIOT_PASSWORD"] = testKeyID, testSecret
	rows := []string{"iccid,msisdn"}
	for i := range 4 {
		world.Cards = append(world.Cards, carriersim.Card{ICCID: meter(i), MSISDN: number(i)})
		rows = append(rows, string(meter(i))+","+map[bool]string{true: number(i)}[i < 3])
	}
	r.write("cards.csv", strings.Join(rows, "\n")+"\n")
	r.write("main.fleet.hcl", fmt.Sprintf(`
provider "cmiot" { endpoint = %q }
card "meter" {
  from_csv = "cards.csv"
  iccid    = each.value.iccid
  msisdn   = each.value.msisdn
  active   = true
}
`, r.url+"/cmiot"))
	return r
}

// keys are the names that the world's last requests called cards by.
func (r *rig) keys(from int) map[string]bool {
	keys := map[string]bool{}
	for _, q := range r.world.Requests()[from:] {
		for _, name := range []string{"msisdn", "iccid", "imsi"} {
			if q.Params[name] != "" {
				keys[name+" "+q.Params[name]] = true
			}
		}
	}
	return keys
}

func TestCardsAreNamedByTheNumbersOfTheirTable(t *testing.T) {
	r := numbered(t)
	r.want(0, r.run("plan", "-out=p.fleetplan"))
	assert.Equal(t, map[string]bool{
		"msisdn " + number(0): true, "msisdn " + number(1): true, "msisdn " + number(2): true, "iccid " + string(meter(3)): true,
	}, r.keys(0))
	var shown struct {
		Cards []struct{ ICCID, MSISDN string }
	}
	require.NoError(t, json.Unmarshal([]byte(r.want(0, r.run("show", "-json", "p.fleetplan")).out), &shown))
	require.Len(t, shown.Cards, 4)
	assert.Equal(t, number(0), shown.Cards[0].MSISDN)
	assert.Empty(t, shown.Cards[3].MSISDN)
	r.want(0, r.run("apply", "p.fleetplan"))
	assert.Contains(t, r.want(0, r.run("state", "show", string(meter(0)))).out, number(0))
}

func TestNumberIsRememberedOfACardThatLeft(t *testing.T) {
	r := numbered(t)
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("cards.csv", strings.Replace(r.read("cards.csv"), string(meter(1))+","+number(1)+"\n", "", 1))
	before := len(r.world.Requests())
	r.want(2, r.run("plan", "-detailed-exitcode"))
	assert.Contains(t, r.keys(before), "msisdn "+number(1))

	r.write("cards.csv", strings.Replace(r.read("cards.csv"), number(0), "", 1)) // the carrier doesn't know it by that, say
	before = len(r.world.Requests())
	r.want(0, r.run("apply", "-auto-approve", "-target="+string(meter(0))))
	assert.Equal(t, map[string]bool{"iccid " + string(meter(0)): true}, r.keys(before), "what is declared counts")
}

// A row that slipped must not stop its neighbour's card.
func TestAnotherCardsNumberChangesNoCard(t *testing.T) {
	r := numbered(t)
	r.want(0, r.run("apply", "-auto-approve"))
	r.write("cards.csv", strings.Replace(r.read("cards.csv"), number(0), number(3), 1))
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "active   = true", fmt.Sprintf("active   = each.key != %q", meter(0)), 1))
	got := r.want(5, r.run("apply", "-auto-approve", "-accept-count=stop:1"))
	assert.Contains(t, strings.Join(strings.Fields(got.out+got.errors), " "), "the card's number is "+number(0)+" by the carrier, and msisdn is "+number(3))
	for i := range 4 {
		card, _ := r.world.Card(meter(i))
		assert.NotEqual(t, spec.SuspendedByOwner, card.Status, "card %d", i)
	}
}

func TestImportCarriesNumbersOver(t *testing.T) {
	r := numbered(t)
	r.write("main.fleet.hcl", fmt.Sprintf("provider \"cmiot\" { endpoint = %q }\n", r.url+"/cmiot"))
	got := r.want(0, r.run("import", "-iccids=cards.csv"))
	for i := range 4 {
		assert.Equal(t, i < 3, strings.Contains(got.out, number(i)), "card %d", i)
	}
	assert.Contains(t, r.keys(0), "msisdn "+number(2))
	r.write("imported.fleet.hcl", got.out)
	assert.Contains(t, r.want(2, r.run("plan", "-detailed-exitcode")).out, "4 to adopt, 0 to change-bind")
}
