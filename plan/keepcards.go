package plan

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// ErrHeldWhole says that a saved plan has to be held whole to be held against the
// present: see [KeepFile].
var ErrHeldWhole = errors.New("the saved plan has to be held whole")

// savedCards are the cards with actions of a saved plan, in its order: some 110 bytes
// for each that is like most.
type savedCards struct {
	at time.Time // when the cards were as the plan has them
	// cards are as they were then, with their actions as recent changes. adopted is what
	// the state was to remember of those that were new to it.
	cards, adopted memories
	places         []int32  // in the plan, ascending
	adopt          []int32  // in adopted; -1 for none
	first          []int32  // in ids: where the actions of a card begin, and of the last one end
	ids            []uint32 // see actionNumber
	said           []int32  // in sayings; -1 for nothing
	sayings        []saying
	known          map[string]int32 // where a saying is in sayings
	silent         []int32          // the places of cards that have no action, and a saying
	all            int32            // how many cards the plan has
	odd            bool             // an action has an id that Order doesn't give

	byICCID []int32
	next    int        // in byICCID: the first card that wasn't passed yet
	ahead   spec.ICCID // of that card; "" where nobody looked

	// What is declared of a card and remembered of it now, and where the draft of now
	// has it; -1 for nothing.
	wanted, memory, ref []int32

	fleet   *spec.Fleet
	shown   int32 // the card that was looked at last; -1 for none
	card    *state.Card
	like    spec.Card
	changes []spec.Change
	recent  []state.Change
}

// saying is what a saved plan tells people of a card.
type saying struct {
	attention []Note
	drift     []Drift
	notes     []string
}

func newSavedCards() *savedCards {
	s := &savedCards{known: map[string]int32{}, shown: -1}
	s.cards.lends = true
	return s
}

// savedCards are those of the plan, which were so at a time, to be held against a
// fleet. The error is [ErrHeldWhole] for a plan that has a card twice, or ids that
// Order doesn't give.
func (f *File) savedCards(fleet *spec.Fleet, at time.Time) (*savedCards, error) {
	if f.saved == nil {
		saved := newSavedCards()
		err := f.Each(func(_ int, c *Card) error {
			saved.take(c)
			return nil
		})
		if err != nil {
			return nil, err
		}
		f.saved = saved
	}
	f.saved.known = nil // all is taken in
	s := *f.saved       // which stays as it is
	if s.odd {
		return nil, ErrHeldWhole
	}
	n := len(s.places)
	s.at, s.fleet, s.first = at, fleet, append(s.first, int32(len(s.ids)))
	s.wanted, s.memory, s.ref = nowhere(n), nowhere(n), nowhere(n)
	return &s, s.sort()
}

// named are all cards of a plan of a part of the fleet; nil for another plan.
func (f *File) named() (map[spec.ICCID]bool, error) {
	if f.head.Partial == "" {
		return nil, nil
	}
	named := make(map[spec.ICCID]bool, f.cards)
	return named, f.Each(func(_ int, c *Card) error {
		named[c.ICCID] = true
		return nil
	})
}

func nowhere(n int) []int32 { return slices.Repeat([]int32{-1}, n) }

// take takes in the plan's next card.
func (s *savedCards) take(c *Card) {
	place := s.all
	s.all++
	if len(c.Actions) == 0 {
		if len(c.Attention)+len(c.Drift)+len(c.Notes) > 0 {
			s.silent = append(s.silent, place)
		}
		return
	}
	s.places, s.first = append(s.places, place), append(s.first, int32(len(s.ids)))
	s.recent = s.recent[:0]
	for i := range c.Actions {
		number, ok := actionNumber(c.Actions[i].ID)
		s.odd = s.odd || !ok
		s.ids, s.recent = append(s.ids, number), append(s.recent, state.Change{Change: c.Actions[i].Change})
	}
	s.said = append(s.said, s.say(c))
	s.keep(c)
}

// keep keeps how the card was.
func (s *savedCards) keep(c *Card) {
	r := c.Before.reading()
	was := state.Card{Provider: c.Provider, ICCID: c.ICCID, Recent: s.recent, Last: state.Last{
		Status: c.Before.Status, Lifecycle: r.Lifecycle, Has: r.Has, IMEI: r.IMEI, Packages: r.Packages,
	}}
	if !packs(&was) {
		was.Recent = slices.Clone(was.Recent)
	}
	s.cards.keep(&was, "")
	adopted := state.Card{Provider: c.Provider, ICCID: c.ICCID, Last: c.Memory.Last}
	adopted.Last.At = time.Time{}
	if c.Memory.Last.Lifecycle != r.Lifecycle || adopted.Equal(&state.Card{Provider: c.Provider, ICCID: c.ICCID, Last: was.Last}) {
		s.adopt = append(s.adopt, -1)
		return
	}
	adopted.Last.Packages = slices.Clone(adopted.Last.Packages)
	s.adopt = append(s.adopt, s.adopted.keep(&adopted, ""))
}

// say keeps what the plan tells of a card, once for all cards of which it tells the
// same.
func (s *savedCards) say(c *Card) int32 {
	if len(c.Attention)+len(c.Drift)+len(c.Notes) == 0 {
		return -1
	}
	var key []byte
	text := func(s string) { key = append(binary.AppendUvarint(key, uint64(len(s))), s...) }
	for _, n := range c.Attention {
		text(n.Summary)
		text(n.Detail)
	}
	key = append(key, 0)
	for _, d := range c.Drift {
		for _, part := range [...]string{d.Attribute, d.From, d.To, d.Cause} {
			text(part)
		}
	}
	key = append(key, 0)
	for _, n := range c.Notes {
		text(n)
	}
	at, known := s.known[string(key)]
	if !known {
		at = int32(len(s.sayings))
		s.known[string(key)], s.sayings = at, append(s.sayings, saying{cloned(c.Attention), cloned(c.Drift), cloned(c.Notes)})
	}
	return at
}

// actionNumber is an action's id as a number: twice the one in it, and one more for
// the second half of a way by a parking IMEI.
func actionNumber(id string) (uint32, bool) {
	text, second := strings.CutSuffix(strings.TrimPrefix(id, "a"), "p")
	n, err := strconv.ParseUint(text, 10, 30)
	number := uint32(n) << 1
	if second {
		number++
	}
	return number, err == nil && actionID(number) == id
}

func actionID(number uint32) string {
	var room [12]byte
	id := strconv.AppendUint(append(room[:0], 'a'), uint64(number>>1), 10)
	if number&1 != 0 {
		id = append(id, 'p')
	}
	return string(id)
}

// sort finds the order of the ICCIDs.
func (s *savedCards) sort() error {
	s.byICCID = make([]int32, len(s.places))
	for i := range s.byICCID {
		s.byICCID[i] = int32(i)
	}
	sorted, twice := s.ascends()
	if sorted {
		return nil
	}
	if !twice {
		slices.SortFunc(s.byICCID, func(a, b int32) int { return bytes.Compare(s.cards.iccid(a), s.cards.iccid(b)) })
		_, twice = s.ascends()
	}
	if twice {
		return ErrHeldWhole
	}
	return nil
}

// ascends reports whether byICCID is in order, and has one ICCID twice in a row.
func (s *savedCards) ascends() (sorted, twice bool) {
	var last []byte
	sorted = true
	for _, k := range s.byICCID {
		next := s.cards.iccid(k)
		switch bytes.Compare(last, next) {
		case 0:
			return false, true
		case 1:
			sorted = false
		}
		last = next
	}
	return sorted, false
}

// pass finds a card by its ICCID, which is after those that were looked for before;
// -1 for none.
func (s *savedCards) pass(iccid spec.ICCID) int32 {
	for ; s.next < len(s.byICCID); s.next++ {
		k := s.byICCID[s.next]
		if s.ahead == "" {
			s.ahead = spec.ICCID(s.cards.iccid(k))
		}
		if s.ahead > iccid {
			return -1
		}
		if s.ahead == iccid {
			return k
		}
		s.ahead = ""
	}
	return -1
}

// find finds a card by its ICCID; -1 for none.
func (s *savedCards) find(iccid spec.ICCID) int32 {
	i, found := slices.BinarySearchFunc(s.byICCID, iccid, func(k int32, iccid spec.ICCID) int { return cmp.Compare(string(s.cards.iccid(k)), string(iccid)) })
	if !found {
		return -1
	}
	return s.byICCID[i]
}

// was is the card as it was, with its actions as recent changes. It is good until the
// next call.
func (s *savedCards) was(k int32) *state.Card {
	if s.shown == k {
		return s.card
	}
	s.like.ICCID = ""
	if at := s.wanted[k]; at >= 0 {
		s.like.ICCID = s.fleet.Cards[at].ICCID // which takes no copy
	}
	s.shown, s.card = k, s.cards.card(k, &s.like)
	return s.card
}

// reading is what is known of the card at a provider: nothing where it was at another
// one. memory is what the state has of it now; nil for nothing.
func (s *savedCards) reading(k int32, at spec.ProviderName, memory *state.Card, able *spec.Capabilities) spec.Reading {
	was := s.was(k)
	if was.Provider != at {
		return spec.Reading{Provider: at, ICCID: was.ICCID}
	}
	r := was.Reading()
	if memory == nil && s.adopt[k] >= 0 {
		r = s.adopted.card(s.adopt[k], nil).Reading()
	}
	r = readingSince(r, memory, *able, s.at)
	r.Provider, r.ICCID = at, was.ICCID
	return r
}

// narrowed leaves of a card's actions, as they come out now, those that were saved.
func (s *savedCards) narrowed(k int32, c *Card) []Action {
	was := s.was(k)
	if c.Provider != was.Provider {
		return c.Actions[:0]
	}
	s.changes = s.changes[:0]
	for i := range was.Recent {
		s.changes = append(s.changes, was.Recent[i].Change)
	}
	if slices.EqualFunc(c.Actions, s.changes, func(a Action, saved spec.Change) bool { return a.Change == saved }) {
		return c.Actions
	}
	return narrowed(c.Actions, withWays(s.changes))
}

// index is the place of a change among the card's saved actions; -1 for none.
func (s *savedCards) index(k int32, change spec.Change) int {
	return slices.IndexFunc(s.was(k).Recent, func(c state.Change) bool { return c.Change == change })
}

// id is the id with which the card's change was saved.
func (s *savedCards) id(k int32, change spec.Change) (id string, ok bool) {
	i := s.index(k, change)
	if i < 0 {
		return "", false
	}
	return actionID(s.ids[int(s.first[k])+i]), true
}
