package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// examples/policies is held to what it says by Open Policy Agent's own library.

const policiesFolder = root + "/examples/policies"

func TestThePoliciesPassTheirOwnTestsInOPA(t *testing.T) {
	out, err := exec.Command(goClient(t, "opa"), "test", policiesFolder).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.NotContains(t, string(out), " fail\n")
	assert.Len(t, strings.Split(strings.TrimSpace(string(out)), "\n"), policyTests(t), "%s", out)
}

// policyTests counts the rules of the policies' files that are tests.
func policyTests(t *testing.T) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(policiesFolder, "*_test.rego"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		found := regexp.MustCompile(`(?m)^test_\w+ if \{$`).FindAll(text, -1)
		require.NotEmpty(t, found, "%s", file)
		n += len(found)
	}
	return n
}

const (
	policyDevice = "861536030196019"
	policyFleet  = `
fleet { zone = "Asia/Shanghai" }

output "cities" {
  value = { for city, cards in { for c in card.bike : c.labels.city => c.iccid... } : city => length(cards) }
}

card "bike" {
  from_csv = "bikes.csv"
  iccid    = each.value.iccid
  imei     = each.value.imei == "" ? null : each.value.imei
  bound    = each.value.imei == "" ? false : null
  active   = each.value.active
  packages = [each.value.package]
  labels   = { city = each.value.city }
}
`
)

// policed is a fleet of 21 cards in hangzhou and one in ningbo, all applied, and
// what becomes of a plan for it in OPA.
type policed struct {
	*rig
	opa string
}

func newPoliced(t *testing.T) *policed {
	t.Helper()
	world := &carriersim.World{}
	for i := range 22 {
		c := carriersim.Card{ICCID: policyCard(i), Packages: []spec.Package{{ID: "10002"}}}
		if i == 0 {
			c.IMEI = policyDevice
		}
		world.Cards = append(world.Cards, c)
	}
	p := &policed{newRig(t, world), goClient(t, "opa")}
	p.write("main.fleet.hcl", provider+policyFleet)
	p.table(nil)
	p.want(0, p.run("apply", "-auto-approve"))
	return p
}

func policyCard(i int) spec.ICCID {
	return spec.ICCID(fmt.Sprintf("8986061703001730%04d", i))
}

// table writes the fleet's table, with other rows for some of its cards.
func (p *policed) table(other map[int]string) {
	p.t.Helper()
	rows := "iccid,imei,active,package,city\n"
	for i := range 22 {
		row, imei, city := other[i], "", "hangzhou"
		if i == 0 {
			imei = policyDevice
		}
		if i == 21 {
			city = "ningbo"
		}
		if row == "" {
			row = imei + ",true,10002," + city
		}
		rows += string(policyCard(i)) + "," + row + "\n"
	}
	p.write("bikes.csv", rows)
}

// denied is what the policies say of a plan that the program makes now.
func (p *policed) denied(data bool) (messages []string) {
	p.t.Helper()
	p.want(0, p.run("plan", "-out=p.fleetplan"))
	p.write("plan.json", p.want(0, p.run("show", "-json", "p.fleetplan")).out)
	args := []string{"deny", filepath.Join(p.dir, "plan.json"), policiesFolder}
	if data {
		p.write("outputs.json", p.want(0, p.run("output", "-json")).out)
		args = append(args, filepath.Join(p.dir, "outputs.json"))
	}
	out, err := exec.Command(p.opa, args...).CombinedOutput()
	require.NoError(p.t, err, "%s", out)
	require.NoError(p.t, json.Unmarshal(out, &messages))
	return messages
}

func TestThePoliciesDenyWhatTheyNameOfAPlanAndNothingElse(t *testing.T) {
	p := newPoliced(t)
	address := func(i int) string { return fmt.Sprintf("card.bike[%q]", policyCard(i)) }
	assert.Empty(t, p.denied(true), "nothing to do")

	p.table(map[int]string{1: ",true,10001,hangzhou", 2: ",false,10002,hangzhou"})
	assert.Empty(t, p.denied(true), "a package of the list, and 1 of 21 stopped")
	assert.Contains(t, p.read("plan.json"), `"kind": "stop"`)
	assert.Contains(t, p.read("plan.json"), `"kind": "subscribe"`)

	p.table(map[int]string{1: ",true,10003,hangzhou"})
	assert.Equal(t, []string{address(1) + ": subscribe to package 10003, which is not in the list: 10001, 10002"}, p.denied(true))

	p.table(map[int]string{1: ",false,10002,hangzhou", 2: ",false,10002,hangzhou", 21: ",false,10002,ningbo"})
	assert.ElementsMatch(t, []string{
		"hangzhou: 2 of 21 cards would be stopped, more than 5%: " + address(1) + ", " + address(2),
		"ningbo: 1 of 1 cards would be stopped, more than 5%: " + address(21),
	}, p.denied(true))
	assert.ElementsMatch(t, []string{
		"hangzhou: 2 would be stopped, and the output cities doesn't say of how many cards: " + address(1) + ", " + address(2),
		"ningbo: 1 would be stopped, and the output cities doesn't say of how many cards: " + address(21),
	}, p.denied(false), "who forgets the outputs lets nothing pass")
}

// The rig's clock begins on a Saturday at 20:46 UTC, which is Sunday in Shanghai.
func TestThePoliciesDenyUnbindsOnTheFleetsFridayAlone(t *testing.T) {
	p := newPoliced(t)
	p.table(map[int]string{0: ",true,10002,hangzhou"})
	assert.Empty(t, p.denied(true), "a Sunday")
	assert.Contains(t, p.read("plan.json"), `"kind": "unbind"`)

	p.clock.Advance(time.Date(2026, 11, 26, 15, 59, 0, 0, time.UTC).Sub(p.clock.Now()))
	assert.Empty(t, p.denied(true), "the last minute of the Thursday in Shanghai")

	p.clock.Advance(2 * time.Minute)
	got := p.denied(true)
	require.Len(t, got, 1, "the Friday's first minute there")
	assert.Contains(t, got[0], fmt.Sprintf("card.bike[%q]: unbind from %s in a plan of a Friday (2026-11-26T16:01:", policyCard(0), policyDevice))
	assert.Contains(t, got[0], "Asia/Shanghai")

	p.clock.Advance(24 * time.Hour)
	assert.Empty(t, p.denied(true), "the Saturday")
}
