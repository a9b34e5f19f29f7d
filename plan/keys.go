package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/cardfleet/cardfleet/state"
)

// giveKeys gives each action that calls a carrier its idempotency key: the same
// for every attempt of this plan, another for the next one. An outcome in doubt
// keeps the key of its first attempt.
func giveKeys(p *Plan, prior *state.Snapshot) {
	lineage, serial := "", uint64(0)
	if prior != nil {
		lineage, serial = prior.Lineage, prior.Serial
	}
	for i := range p.Cards {
		c := &p.Cards[i]
		for j := range c.Actions {
			a := &c.Actions[j]
			if !a.Kind.CallsCarrier() {
				continue
			}
			sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d/%s/%s/%s/%s/%s", lineage, serial, p.Timestamp.UnixNano(), c.Provider, c.ICCID, a.Kind, a.From, a.To))
			a.Key = cmp.Or(doubtKey(prior.Card(c.ICCID), *a), hex.EncodeToString(sum[:16]))
		}
	}
}

// doubtKey is the key of an earlier attempt at the same change, whose outcome
// was in doubt when the plan was made; "" for none.
func doubtKey(memory *state.Card, a Action) string {
	if memory == nil {
		return ""
	}
	for _, doubt := range memory.Doubts {
		if doubt.Change == a.Change {
			return doubt.Key
		}
	}
	return ""
}
