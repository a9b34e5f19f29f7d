package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/cardfleet/cardfleet/state"
)

// keyring makes the idempotency keys of a plan's actions: the same for every attempt of
// this plan at the state that it is carried out on, another for the next plan, and for
// what is left of a saved one after the state was committed.
type keyring struct {
	plan []byte // what names the plan
	text []byte
}

// newKeyring is of the plan of that time, made from the state of lineage and serial.
func newKeyring(lineage string, serial uint64, planned time.Time) *keyring {
	return &keyring{plan: fmt.Appendf(nil, "%s/%d/%d/", lineage, serial, planned.UnixNano())}
}

// give gives each action of a card that calls a carrier its key. An outcome in
// doubt keeps the key of its first attempt. memory is what the state has of the
// card; nil for none.
func (k *keyring) give(c *Card, memory *state.Card) {
	for j := range c.Actions {
		a := &c.Actions[j]
		if !a.Kind.CallsCarrier() {
			continue
		}
		if a.Key = doubtKey(memory, *a); a.Key == "" {
			a.Key = k.key(c, a)
		}
	}
}

func (k *keyring) key(c *Card, a *Action) string {
	k.text = append(k.text[:0], k.plan...)
	for i, s := range [...]string{string(c.Provider), string(c.ICCID), string(a.Kind), a.From, a.To} {
		if i > 0 {
			k.text = append(k.text, '/')
		}
		k.text = append(k.text, s...)
	}
	sum := sha256.Sum256(k.text)
	k.text = hex.AppendEncode(k.text[:0], sum[:16])
	return string(k.text)
}

// giveKeys gives the actions of a plan their keys.
func giveKeys(p *Plan, prior *state.Snapshot) {
	lineage, serial := "", uint64(0)
	if prior != nil {
		lineage, serial = prior.Lineage, prior.Serial
	}
	k := newKeyring(lineage, serial, p.Timestamp)
	for i := range p.Cards {
		if c := &p.Cards[i]; len(c.Actions) > 0 {
			k.give(c, prior.Card(c.ICCID))
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
