package cli_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cardfleet/cardfleet/providers/carriersim"
)

func TestThrottlingIsShownAsWhatItIs(t *testing.T) {
	const refused = 30
	r := stopping(t, 20, carriersim.Fault{
		Action: "QueryCardStatus", Times: refused, Kind: carriersim.Throttle, RetryAfter: carriersim.Duration(4 * time.Second),
	})
	r.write("main.fleet.hcl", strings.Replace(r.read("main.fleet.hcl"), "requests_per_second = 100000", "requests_per_second = 20", 1))
	got := r.want(0, r.run("plan", "-json-into=run.jsonl"))

	var said []string
	for line := range strings.Lines(got.errors) {
		if strings.HasPrefix(line, "aliyun: the carrier throttled ") {
			said = append(said, line)
		}
	}
	assert.Contains(t, said[0], "aliyun: the carrier throttled a call, and the pace is 10/s of 20/s; the last: QueryCardStatus: ")
	assert.Contains(t, said[len(said)-1], fmt.Sprintf("throttled %d calls by now, ", refused), "the end has them all")
	assert.Less(t, len(said), refused/2, "and not each of them is a line")
	var told []string
	for _, line := range r.lines("run.jsonl") {
		if strings.Contains(line, `"type":"throttled"`) {
			told = append(told, line)
		}
	}
	assert.Len(t, told, len(said))
	assert.Contains(t, told[len(told)-1], fmt.Sprintf(`"calls":%d,`, refused))

	r.world.Break()
	got = r.want(0, r.run("apply", "-auto-approve"))
	assert.NotContains(t, got.errors, "throttled", "none of it is left for the next phase")
}
