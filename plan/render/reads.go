package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/safe"
)

// ReadsJSON is how a provider's cards were read.
type ReadsJSON struct {
	Provider   spec.ProviderName `json:"provider"`
	Cards      int               `json:"cards"`
	Read       int               `json:"read"`
	Calls      int               `json:"calls"`
	ListCalls  int               `json:"list_calls"`
	Seconds    float64           `json:"seconds,omitempty"`
	Remembered int               `json:"remembered"`
	Oldest     time.Time         `json:"oldest,omitzero"`
	Newest     time.Time         `json:"newest,omitzero"`
	Left       int               `json:"left"`
}

// ReadsOf is how a provider's cards are read, as programs read it.
func ReadsOf(r plan.Reads) ReadsJSON {
	return ReadsJSON{
		r.Provider, r.Cards, r.Read, r.Calls, r.ListCalls, r.Time().Seconds(), r.Remembered, r.Oldest.UTC(), r.Newest.UTC(), r.Left,
	}
}

func (t *text) reads(p *plan.Plan) {
	said := readsOf(p)
	for _, r := range said {
		t.line("%s: %s", safe.Text(string(r.Provider)), r.Text)
	}
	if len(said) > 0 {
		t.line("")
	}
}

// carrierText is a line about one carrier.
type carrierText struct {
	Provider spec.ProviderName
	Text     string
}

// readsOf says how the cards were read, where that isn't simply one after the other.
func readsOf(p *plan.Plan) []carrierText {
	var said []carrierText
	for _, r := range p.Reads {
		if r.ListCalls != 0 || r.Remembered != 0 || r.Left != 0 {
			said = append(said, carrierText{r.Provider, readsText(r, p.Timestamp)})
		}
	}
	return said
}

// readsText is "read 10 cards in 10 calls; 4,990 by readings 2 h to 3 days old".
func readsText(r plan.Reads, now time.Time) string {
	var parts []string
	if r.Read > 0 {
		parts = append(parts, fmt.Sprintf("read %s in %s", count(r.Read, "card", "cards"), CallsText(r)))
	}
	if r.Remembered > 0 {
		newest, oldest := age(now.Sub(r.Newest)), age(now.Sub(r.Oldest))
		if newest != oldest {
			newest += " to " + oldest
		}
		parts = append(parts, fmt.Sprintf("%s by readings %s old", count(r.Remembered, "card", "cards"), newest))
	}
	if r.Left > 0 {
		parts = append(parts, fmt.Sprintf("%s not read yet, left for a later run", count(r.Left, "card", "cards")))
	}
	return strings.Join(parts, "; ")
}

// NotReadText says how many cards were not read for the plan, of all providers
// together; "" where all were.
func NotReadText(p *plan.Plan) string {
	var all plan.Reads
	for _, r := range p.Reads {
		if r.Remembered > 0 {
			n := all.Remembered + r.Remembered
			all.Remember(r.Oldest)
			all.Remember(r.Newest)
			all.Remembered = n
		}
		all.Left += r.Left
	}
	if all.Remembered+all.Left == 0 {
		return ""
	}
	return "Not read for this plan: " + readsText(all, p.Timestamp) + "."
}

// CallsText is "125 list calls and 12 others".
func CallsText(r plan.Reads) string {
	others := r.Calls - r.ListCalls
	switch {
	case r.ListCalls == 0:
		return count(others, "call", "calls")
	case others == 0:
		return count(r.ListCalls, "list call", "list calls")
	default:
		return count(r.ListCalls, "list call", "list calls") + " and " + count(others, "other", "others")
	}
}

// ReadingText is what a reading is going to take, before it is done:
// "5,000 cards in 125 list calls, about 7 s at 20/s". The reads are of providers
// that share an account, and so its rate.
func ReadingText(reads []plan.Reads) string {
	r := TogetherOf(reads)
	s := fmt.Sprintf("%s in %s", count(r.Read, "card", "cards"), CallsText(r))
	if r.PerSecond > 0 {
		s += fmt.Sprintf(", about %s at %s/s", Duration(r.Time()), strconv.FormatFloat(r.PerSecond, 'f', -1, 64))
	}
	return s
}

// TogetherOf adds up what reading takes for providers that share an account.
func TogetherOf(reads []plan.Reads) plan.Reads {
	var all plan.Reads
	for _, r := range reads {
		all.Read, all.Calls, all.ListCalls, all.PerSecond = all.Read+r.Read, all.Calls+r.Calls, all.ListCalls+r.ListCalls, r.PerSecond
	}
	return all
}

// age is how old something is, as people say it.
func age(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	}
	return Duration(d)
}
