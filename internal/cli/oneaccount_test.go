package cli_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

func TestBlocksOfOneAccountAreEstimatedOnce(t *testing.T) {
	world := &carriersim.World{Record: true}
	r := newRig(t, world)
	var b strings.Builder
	b.WriteString(`
variable "carrier_url" { type = string }
provider "aliyun" {
  endpoint            = var.carrier_url
  requests_per_second = 40
  calls_per_day       = 900
}
provider "aliyun" {
  alias               = "north"
  endpoint            = var.carrier_url
  requests_per_second = 20
}
fleet {
  policy {
    limit "stop" { count = 1000 }
  }
}
`)
	for i := range 200 {
		world.Cards = append(world.Cards, carriersim.Card{ICCID: cardNo(i)})
		provider := "  provider = aliyun\n"
		if i%2 == 1 {
			provider = "  provider = aliyun.north\n"
		}
		fmt.Fprintf(&b, "card \"c%03d\" {\n%s  iccid  = %q\n  active = false\n}\n", i, provider, cardNo(i))
	}
	r.write("main.fleet.hcl", b.String())
	got := r.want(0, r.run("plan"))
	assert.Contains(t, got.errors, "reading aliyun and aliyun.north, of one account: 200 cards in 200 calls, about 10 s at 20/s\n")
	assert.Contains(t, got.out, "aliyun and aliyun.north, of one account: 400 calls, about 20 s at 20/s\n", "the stricter rate is the account's")
	assert.Equal(t, 1, strings.Count(got.out, " calls, about "))

	r.write("main.fleet.hcl", strings.Replace(b.String(), "calls_per_day       = 900", "calls_per_day       = 599", 1))
	got = r.want(0, r.run("plan"))
	assert.Contains(t, got.out, "400 calls, about 20 s at 20/s; with the reading, more than the 599 calls of a day\n", "and so is its quota")
}
