package config

import (
	"cmp"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// plainOf is which card blocks of a file are read without HCL, by name, which
// are parsed again when they are read, and whose syntax trees are kept.
func plainOf(t *testing.T, text string) (plain, again, kept []string) {
	l := newLoader(testOptions(writeFiles(t, map[string]string{"main.fleet.hcl": text})))
	l.readFiles()
	require.Empty(t, l.report.list)
	for _, c := range l.cards {
		switch {
		case c.Plain:
			plain = append(plain, c.Name)
		case c.Block == nil:
			again = append(again, c.Name)
		default:
			kept = append(kept, c.Name)
		}
	}
	return plain, again, kept
}

func TestBlocksThatAreWrittenOutAreReadWithoutHCL(t *testing.T) {
	plain, again, kept := plainOf(t, `# the fleet
provider "aliyun" {}

card "a" { iccid = "898600D6991330004141" }
card "b" {
  provider     = aliyun   # the only one
  iccid        = "898600D6991330004142"
  imei         = "86153603019600"
  current_imei = null
  bound        = true
  active       = false
  shared_imei  = true
  packages     = ["10002", "10003"]
  labels = {
    city = "杭州"
    "é"  : "x",
  }
  // what must not happen
  lifecycle {
    prevent_unbind = true
    ignore_changes = [
      packages,
    ]
  }
}
/*
card "commented_out" {
}
*/
card "c" {
  iccid  = "898600D6991330004143"
  active = var.on
}
variable "on" {
  description = <<EOT
card "in a text" {
EOT
  default = true
}
card "d" {
  iccid  = upper("898600d6991330004144")
}
card "e" {
  iccid = "898600D6991330004145"
}
card "f" {
  iccid  = upper("898600d6991330004146")
}
`)
	require.Equal(t, []string{"a", "b", "e"}, plain)
	require.Equal(t, []string{"f"}, again)
	require.Equal(t, []string{"c", "d"}, kept, "they share a piece with the variable between them")
}

// Places are moved as one sorts: by ICCID, and else as they were.
func TestCardsAreSortedByTheirIdentity(t *testing.T) {
	providers := []string{"aliyun", "aliyun.hz", "cmiot"}
	rapid.Check(t, func(rt *rapid.T) {
		l := newLoader(Options{})
		l.providers.at = expr.Names{}
		for _, name := range providers {
			l.providers.at[name] = hcl.Range{}
		}
		iccid := rapid.StringMatching(`89[0F]{14}[0-9A-F]{3,4}`)
		l.fleet.Cards = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) spec.Card {
			return spec.Card{
				Provider: spec.ProviderName(rapid.SampledFrom(providers).Draw(t, "provider")), ICCID: spec.ICCID(iccid.Draw(t, "iccid")), Row: rapid.Int().Draw(t, "row"),
			}
		}), 0, 40).Draw(rt, "cards")
		want := slices.Clone(l.fleet.Cards)
		slices.SortStableFunc(want, func(a, b spec.Card) int { return cmp.Compare(a.ICCID, b.ICCID) })
		sortCards(l.fleet.Cards)
		require.Equal(rt, want, l.fleet.Cards)
	})
}
