package plan

import (
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Reads is how one provider's cards were read for a plan.
type Reads struct {
	Provider spec.ProviderName `json:"provider"`
	// Cards are those that the plan needs; Read those that were asked for now.
	Cards int `json:"cards"`
	Read  int `json:"read"`
	// Calls are what that takes, repeated calls aside; ListCalls of them are of a
	// list, and ListCards the cards that it tells.
	Calls     int `json:"calls"`
	ListCalls int `json:"list_calls,omitempty"`
	ListCards int `json:"list_cards,omitempty"`
	// Remembered are the cards that were taken from the state, by readings that
	// were made between Oldest and Newest.
	Remembered int       `json:"remembered,omitempty"`
	Oldest     time.Time `json:"oldest,omitzero"`
	Newest     time.Time `json:"newest,omitzero"`
	// Left are the cards that nobody has read yet, and that are left for a later run.
	Left int `json:"left,omitempty"`
	// PerSecond is the rate that the provider keeps to; 0 where it has none.
	PerSecond float64 `json:"requests_per_second,omitempty"`
}

// Time is how long the calls take at the configured rate; 0 where none is configured.
func (r Reads) Time() time.Duration { return Cost{Calls: r.Calls, PerSecond: r.PerSecond}.Time() }

// Remember counts a card that was taken from the state, by a reading of that time.
func (r *Reads) Remember(at time.Time) {
	r.Remembered++
	if r.Oldest.IsZero() || at.Before(r.Oldest) {
		r.Oldest = at
	}
	if at.After(r.Newest) {
		r.Newest = at
	}
}

// Refresh says which cards are read. The zero value reads none.
type Refresh struct {
	Mode RefreshMode
	// MaxAge leaves out the cards whose last reading is not older; 0 leaves out
	// none. With [RefreshChanged], cards whose reading is older are read as well.
	MaxAge time.Duration
}

// RefreshMode is the word of -refresh.
type RefreshMode string

// The modes.
const (
	RefreshNone    RefreshMode = "false"
	RefreshAll     RefreshMode = "true"
	RefreshChanged RefreshMode = "changed"
)

// Reads says for each of the targets whether it is to be read now. A card that
// was never read, whose reading lacks an attribute that is wanted by now, or
// that is in doubt is read in any mode but [RefreshNone].
//
// in.Live is what the state remembers of the targets, which are by ICCID.
func (r Refresh) Reads(in Input, targets []Target) []bool {
	read := make([]bool, len(targets))
	if r.Mode != RefreshChanged && r.Mode != RefreshAll {
		return read
	}
	if r.Mode == RefreshAll && r.MaxAge <= 0 {
		for i := range read {
			read[i] = true
		}
		return read
	}
	memoryOf := in.Prior.Walk()
	differing := map[spec.ICCID]bool{}
	if r.Mode == RefreshChanged {
		differing = differences(in)
	}
	for i, t := range targets {
		memory := memoryOf(t.ID.ICCID)
		old := memory != nil && r.MaxAge > 0 && in.Now.Sub(memory.Last.At) > r.MaxAge
		read[i] = old || differing[t.ID.ICCID] || unknown(memory, t.Attrs&in.Capabilities[t.ID.Provider].Reads)
	}
	return read
}

// unknown reports whether the state can't stand in for a reading of attrs.
func unknown(memory *state.Card, attrs spec.Attr) bool {
	switch {
	case memory == nil, memory.Last.At.IsZero(), len(memory.Doubts) > 0:
		return true
	case memory.Last.Lifecycle == spec.NotFound:
		return false // there was nothing more to read
	default:
		return !memory.Last.Tells(attrs)
	}
}

// differences are the cards for which a plan from what is remembered has
// something to do, or to say to a person.
func differences(in Input) map[spec.ICCID]bool {
	p, _ := Diff(in) // its mistakes come out with the plan itself
	set := make(map[spec.ICCID]bool, len(p.Cards))
	for i := range p.Cards {
		if c := &p.Cards[i]; len(c.Actions)+len(c.Attention) > 0 {
			set[c.ICCID] = true
		}
	}
	return set
}
