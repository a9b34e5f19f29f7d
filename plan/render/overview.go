package render

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/lang"
	"github.com/cardfleet/cardfleet/state"
)

// Overview is a fleet as its state and its history have it: what the fleet's page
// shows. It says nothing of what is wanted, which a plan does.
type Overview struct {
	// State is the state without its cards, and Each visits them by ICCID; see [state.Rows].
	State *state.Snapshot
	Each  func(visit func(*state.Card) error) error
	// Past is what the history has; nil where there is none.
	Past *Past
	Now  time.Time
	// Zone is where days begin and times are told; nil is UTC.
	Zone    *time.Location
	Version string
	Lang    lang.Language
}

// condition is how a card stands, in the words of the page. Each card has one.
type condition struct{ class, name string }

// conditions are all of them, in their order.
func conditions() []condition {
	return []condition{
		{"serving", "in service"}, {"stopped", "stopped by us"}, {"barred", "stopped by the carrier"},
		{"waiting", "not in service yet"}, {"gone", "closed, transferred or not found"}, {"unknown", "not known"},
	}
}

// conditionOf is the place of a card's among [conditions].
func conditionOf(l spec.Lifecycle) int {
	switch l {
	case spec.Active, spec.Testing:
		return 0
	case spec.SuspendedByOwner:
		return 1
	case spec.SuspendedByCarrier:
		return 2
	case spec.Pending, spec.Inventory, spec.Dormant:
		return 3
	case spec.Closing, spec.Closed, spec.Transferred, spec.NotFound:
		return 4
	default:
		return 5
	}
}

// Troubles says what of a card a person should look at, as far as the state tells.
func Troubles(c *state.Card) []string {
	var out []string
	for i := range c.Doubts {
		d := &c.Doubts[i]
		out = append(out, d.Change.String()+" is in doubt since "+d.Since.UTC().Format("2006-01-02 15:04 UTC")+": "+d.Reason)
	}
	switch conditionOf(c.Last.Lifecycle) {
	case 2:
		text := "the carrier stopped it"
		if c.Last.Reason != "" {
			text += ": " + c.Last.Reason
		}
		out = append(out, text)
	case 4:
		if !ended(c) {
			out = append(out, "the carrier has it as "+string(c.Last.Lifecycle))
		}
	}
	return out
}

// ended reports whether a card is closed as it is wanted: after an unbind.
func ended(c *state.Card) bool {
	unbound := c.Binding.Known && c.Binding.IMEI == ""
	return unbound && (c.Last.Lifecycle == spec.Closing || c.Last.Lifecycle == spec.Closed)
}

const (
	// daysAhead is how far the page looks for packages that run out, and daysBack
	// how far for what was done.
	daysAhead, daysBack = 90, 90
	// barsMost is how many bars a picture has; what is rarer is one more.
	barsMost = 12
	// keysMost is how many labels have a picture of their own.
	keysMost = 8
)

// overviewing counts the cards, one after the other.
type overviewing struct {
	now, until        time.Time
	zone              *time.Location
	cards, doubt      int
	troubled, besides int // cards that need attention, and those that no other tile counts
	believed          int
	conditions        []int
	lifecycles        map[spec.Lifecycle]int
	carriers          map[string]conditionCount
	labels            map[string]map[string]conditionCount // by key and value; nil for a key with too many values
	models            map[string]int                       // by TAC; "" without a device
	unknownDevice     int
	runOut            []int // by week
	packages          map[string]int
	oldest, newest    time.Time
	unread            int // cards that were never read
}

type conditionCount []int

func newOverviewing(o *Overview) *overviewing {
	zone := cmp.Or(o.Zone, time.UTC)
	return &overviewing{
		now: o.Now, until: o.Now.AddDate(0, 0, daysAhead), zone: zone,
		conditions: make([]int, len(conditions())), lifecycles: map[spec.Lifecycle]int{}, carriers: map[string]conditionCount{},
		labels: map[string]map[string]conditionCount{}, models: map[string]int{}, packages: map[string]int{}, runOut: make([]int, (daysAhead+6)/7),
	}
}

func (n *overviewing) card(c *state.Card) {
	n.cards++
	is := conditionOf(c.Last.Lifecycle)
	gone := is == 4 && !ended(c)
	if len(c.Doubts) > 0 {
		n.doubt++
	} else if gone {
		n.besides++
	}
	if len(c.Doubts) > 0 || is == 2 || gone {
		n.troubled++
	}
	n.conditions[is]++
	n.lifecycles[c.Last.Lifecycle]++
	countIn(n.carriers, string(c.Provider), is)
	for key, value := range c.Labels {
		n.label(key, value, is)
	}
	n.device(c.Binding)
	n.expiries(c.Last.Packages)
	n.reading(c.Last.At)
}

func countIn(counts map[string]conditionCount, name string, is int) {
	at := counts[name]
	if at == nil {
		at = make(conditionCount, len(conditions()))
		counts[name] = at
	}
	at[is]++
}

// label counts a card at its label. A key with a value of its own for each card is
// no part of a fleet: it is left out, see [valuesMost].
func (n *overviewing) label(key, value string, is int) {
	values, known := n.labels[key]
	if !known {
		values = map[string]conditionCount{}
		n.labels[key] = values
	}
	if values == nil {
		return
	}
	countIn(values, value, is)
	if len(values) > valuesMost {
		n.labels[key] = nil
	}
}

// valuesMost is how many values a label's key may have.
const valuesMost = 1000

func (n *overviewing) device(b state.Binding) {
	switch {
	case !b.Known:
		n.unknownDevice++
		return
	case !b.Certain():
		n.believed++
	}
	n.models[b.IMEI.TAC()]++
}

// expiries counts the packages that run out within [daysAhead].
func (n *overviewing) expiries(packages []spec.Package) {
	for i := range packages {
		end := packages[i].Expires
		if end.IsZero() || end.Before(n.now) || !end.Before(n.until) {
			continue
		}
		n.runOut[int(end.Sub(n.now).Hours()/24)/7]++
		n.packages[packages[i].ID]++
	}
}

func (n *overviewing) reading(at time.Time) {
	if at.IsZero() {
		n.unread++
		return
	}
	if n.oldest.IsZero() || at.Before(n.oldest) {
		n.oldest = at
	}
	if at.After(n.newest) {
		n.newest = at
	}
}

// share is a part of the fleet, with how its cards stand; Rest counts the parts
// that are one because they are rare.
type share struct {
	Name  string
	Count int
	Rest  int
	by    conditionCount
}

// sharesOf are the largest parts, the largest first, and the others as one.
func sharesOf(counts map[string]conditionCount) []share {
	const most = barsMost
	var all []share
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		s := share{Name: name, by: counts[name]}
		for _, n := range s.by {
			s.Count += n
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b share) int { return cmp.Compare(b.Count, a.Count) })
	if len(all) <= most+1 {
		return all
	}
	rest := share{Rest: len(all) - most, by: make(conditionCount, len(conditions()))}
	for _, s := range all[most:] {
		rest.Count += s.Count
		for i, n := range s.by {
			rest.by[i] += n
		}
	}
	return append(all[:most:most], rest)
}

// plainShares are sharesOf of counts without a condition.
func plainShares(counts map[string]int) []share {
	with := make(map[string]conditionCount, len(counts))
	for name, n := range counts {
		with[name] = conditionCount{n}
	}
	return sharesOf(with)
}

// labelKeys are the keys that have a picture, the commonest first, and how many
// have too many values for one.
func (n *overviewing) labelKeys() (keys []string, many []string) {
	cards := map[string]int{}
	for key, values := range n.labels {
		if values == nil {
			many = append(many, key)
			continue
		}
		keys = append(keys, key)
		for _, by := range values {
			for _, c := range by {
				cards[key] += c
			}
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(cards[b], cards[a]), cmp.Compare(a, b)) })
	slices.Sort(many)
	return keys[:min(len(keys), keysMost)], many
}
