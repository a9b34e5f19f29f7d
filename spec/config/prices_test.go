package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/spec"
)

func TestPackagesHavePrices(t *testing.T) {
	c := mustLoad(t, map[string]string{"main.fleet.hcl": `
provider "aliyun" { alias = "a" }
provider "cmiot" {}
variable "fast" { default = "19.99" }

package "包 1" {
  price    = var.fast
  currency = "CNY"
  per      = "once"
}
package "10002" {
  provider = aliyun
  price    = 0
  currency = "EUR"
  per      = "day"
}
package "10002" {
  provider = aliyun.a
  price    = 1.000001
  currency = "EUR"
  per      = "year"
}
`})
	for i := range c.Fleet.Prices {
		c.Fleet.Prices[i].Source = nil
	}
	assert.Equal(t, []spec.Price{
		{Package: "包 1", Amount: 19_990_000, Currency: "CNY", Per: spec.Once},
		{Package: "10002", Provider: "aliyun", Amount: 0, Currency: "EUR", Per: spec.PerDay},
		{Package: "10002", Provider: "aliyun.a", Amount: 1_000_001, Currency: "EUR", Per: spec.PerYear},
	}, c.Fleet.Prices)
}

func TestAPackageBlockWithoutAPriceThatHoldsIsAMistake(t *testing.T) {
	block := func(body string) string { return "provider \"aliyun\" {}\npackage \"10002\" {\n" + body + "\n}\n" }
	good := "price = 1\ncurrency = \"CNY\"\nper = \"month\"\n"
	for name, x := range map[string]struct{ text, says string }{
		"negative":      {block(strings.Replace(good, "= 1", "= -1", 1)), "price is a number from 0"},
		"seven places":  {block(strings.Replace(good, "= 1", "= 0.0000001", 1)), "at most six decimals"},
		"no number":     {block(strings.Replace(good, "= 1", `= "much"`, 1)), "number"},
		"no price":      {block(strings.Replace(good, "price = 1", "", 1)), `"price" is required`},
		"no currency":   {block(strings.Replace(good, `currency = "CNY"`, "", 1)), `"currency" is required`},
		"no period":     {block(strings.Replace(good, `per = "month"`, "", 1)), `"per" is required`},
		"odd currency":  {block(strings.Replace(good, "CNY", "元", 1)), "three letters"},
		"odd period":    {block(strings.Replace(good, "month", "mnth", 1)), `Did you mean "month"?`},
		"odd provider":  {block(good + "provider = xuyu"), "There is no provider block for xuyu."},
		"twice":         {block(good) + "package \"10002\" {\n" + good + "}\n", "line 2"},
		"blank":         {strings.Replace(block(good), "10002", " ", 1), "names the package's id"},
		"a secret":      {block(strings.Replace(good, "= 1", "= sensitive(1)", 1)), "it can't be sensitive"},
		"two of a type": {block(good+"provider = aliyun") + "package \"10002\" {\n" + good + "provider = aliyun\n}\n", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			diags := mistakes(t, map[string]string{"main.fleet.hcl": x.text})
			assert.Contains(t, strings.Join(texts(diags), "\n"), x.says)
		})
	}
}
