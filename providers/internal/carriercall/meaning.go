package carriercall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/providers"
)

// Meaning is what a carrier's code says. Whether a call that got the code is
// made again follows from it: one that failed for a passing reason (throttled,
// unavailable) is, where it certainly had no effect.
type Meaning struct {
	Cause providers.Cause
	// Proof is what the code proves where a call that changes a card gets it.
	// [providers.ProvesNothing] is right for a code that leaves any doubt.
	Proof providers.Proof
	Text  string // in plain English; the carrier's words in brackets; what to do
	// Quotes: the code says little without the carrier's own words.
	Quotes bool
}

// Undocumented is the meaning of a code that no document has: nothing is known
// of how far the call got. Says is the carrier's own text beside it. Where either
// speaks of a limit or of the flow of calls, there were too many.
func Undocumented(code, says string) Meaning {
	m := Meaning{Cause: providers.Refused, Proof: providers.ProvesNothing, Text: "a code that no document has", Quotes: true}
	if speaksOfLimits(code, says) {
		m.Cause, m.Text = providers.Throttled, "a code that no document has, and that speaks of a limit; lower requests_per_second"
	}
	return m
}

// speaksOfLimits reports whether a code or its text is about too many calls. The
// words are those of gateways: "isv.BUSINESS_LIMIT_CONTROL", "FlowControl", "Rate
// limit is exceeded", 流控, 限流. 流量 alone is a card's data, and none of them.
func speaksOfLimits(code, says string) bool {
	has := func(text string, words ...string) bool {
		text = strings.ToLower(text)
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	return has(code, "limit", "flow", "throttl", "toomany", "too_many", "too.many", "frequen", "qps") ||
		has(says, "rate limit", "flow limit", "flow control", "limit control", "limit exceeded", "limit is exceeded", "exceeds the limit", "exceeded the limit",
			"throttl", "too many", "too frequent", "qps", "流控", "限流", "流量控制", "频率", "频次", "频繁", "并发", "次数超", "超过次数", "次数限制", "调用超限")
}

// Explain makes an error of a code that is no success. Says is the carrier's
// own text beside the code.
func (c *Client) Explain(call Call, m Meaning, code, says string) *providers.Error {
	e := &providers.Error{Call: call.Name, Code: c.Clean(call, code), Message: m.Text, Proof: m.Proof, Cause: m.Cause}
	if m.Quotes {
		e.Message = fmt.Sprintf("%s; the carrier says %q", m.Text, c.Clean(call, says))
	}
	if !call.Changing {
		e.Proof = providers.NeverSeen
	}
	return e
}
