package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

// doubled is a card that the state of version 1 in state/local/testdata has at
// two provider blocks, aliyun and xuyu.
const doubled = "89860617030017300002"

// olderRig has that state in place of its own. card is what the configuration
// says of the doubled card.
func olderRig(t *testing.T, card string) *rig {
	t.Helper()
	r := newRig(t, &carriersim.World{})
	from := filepath.Join(root, "state", "local", "testdata", "older", "plain")
	for name, to := range map[string]string{"state": "fleet.state", "journal": "fleet.state.journal"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		r.write(to, string(text))
	}
	r.write("main.fleet.hcl", `variable "carrier_url" {}
fleet {
  policy { on_remove = "forget" }
}
provider "aliyun" { endpoint = var.carrier_url }
provider "xuyu" { endpoint = "simulator" }
`+card)
	return r
}

func declaredAt(provider string) string {
	return "card \"bike\" {\n  provider = " + provider + "\n  iccid = \"" + doubled + "\"\n}\n"
}

func TestACardAtSeveralBlocksIsSettledByItsDeclaration(t *testing.T) {
	for _, provider := range []string{"aliyun", "xuyu"} {
		r := olderRig(t, declaredAt(provider))
		r.want(0, r.run("plan", "-refresh=false"))
		r.want(0, r.run("apply", "-refresh=false", "-auto-approve", "-accept-count=remove:4"))
		got := r.run("state", "list", doubled)
		r.want(0, got)
		assert.Equal(t, "card.bike  "+provider+"  "+doubled+"\n", got.out)
	}
}

func TestACardAtSeveralBlocksThatNoneDeclaresIsSettledByAPerson(t *testing.T) {
	r := olderRig(t, "")
	for _, command := range [][]string{{"plan", "-refresh=false"}, {"apply", "-refresh=false", "-auto-approve"}} {
		got := r.run(command...)
		r.want(1, got)
		assert.Contains(t, got.errors, "The state has a card at several provider blocks")
		assert.Contains(t, got.errors, "  aliyun/"+doubled+"\n  xuyu/"+doubled+"\n")
		assert.Contains(t, got.errors, "cardfleet state rm PROVIDER/ICCID")
	}
	got := r.run("state", "list", doubled)
	r.want(0, got)
	assert.Equal(t, "card.n2  aliyun  "+doubled+"\ncard.n2  xuyu  "+doubled+"\n", got.out)
	r.want(1, r.run("resolve", doubled))

	got = r.run("state", "rm", "cmiot/"+doubled)
	r.want(1, got)
	assert.Contains(t, got.errors, "The state has no card cmiot/"+doubled)
	r.pulled("rows.json")
	for _, name := range []string{doubled, "card.n2", "*/" + doubled} {
		got = r.want(0, r.run("state", "rm", name))
		assert.Equal(t, "card.n2  aliyun  "+doubled+": forgotten\ncard.n2  xuyu  "+doubled+": forgotten\nForgotten: 2 rows, of 1 card. The cards themselves are as they were.\n", got.out)
		r.want(0, r.run("state", "push", "-force", "rows.json"))
	}

	got = r.run("state", "rm", "xuyu/"+doubled)
	r.want(0, got)
	assert.Contains(t, got.out, "Forgotten: 1.")
	got = r.run("state", "list", doubled)
	assert.Equal(t, "card.n2  aliyun  "+doubled+"\n", got.out)
	r.want(0, r.run("plan", "-refresh=false"))
}

func TestWhatWasPulledOfAnOlderStateIsPushedAgain(t *testing.T) {
	r := olderRig(t, "")
	before := r.run("state", "list")
	pulled := r.run("state", "pull")
	r.want(0, pulled)
	r.write("pulled.json", pulled.out)
	r.want(0, r.run("state", "push", "pulled.json"))
	assert.Equal(t, before.out, r.run("state", "list").out)
}
