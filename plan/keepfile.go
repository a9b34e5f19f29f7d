package plan

import (
	"slices"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// KeptFile is [Kept] of a saved plan that is read card by card. It holds of a card what
// a [Draft] does, and how the card was when the plan was made. The file is read again
// for the cards alone of which no action is kept.
type KeptFile struct {
	// Left are the saved plan's actions that aren't kept, in its order. These are held.
	Left []Left

	head   *Plan
	file   *File
	saved  *savedCards
	draft  *Draft
	guard  *guard
	keys   *keyring
	shown  []int32                 // the cards of the plan: places in saved, or in the file, see inFile
	missed map[int32][]spec.Change // those that wait for what isn't in the plan
	one    Card
}

// inFile marks in [KeptFile].shown a card at a place of the file, of which no action is
// kept.
func inFile(place int32) int32 { return -1 - place }

// KeepFile is [Keep] for a saved plan that is read card by card. in may have the state
// in rows. The error is of these: [state.ErrTangled] where the state has to be whole.
// It is [ErrHeldWhole] where the plan has to be, as one has that names a card twice, or
// whose cards have another order by now.
func KeepFile(f *File, in Input) (*KeptFile, spec.Diagnostics, error) {
	saved, err := f.savedCards(in.Fleet, earlier(f.head.Timestamp, in.Now))
	if err != nil {
		return nil, nil, err
	}
	now := ofNow(in)
	if now.Select.Cards, err = f.named(); err != nil {
		return nil, nil, err
	}
	d := newDraft(now)
	d.saved = saved
	if err := d.join(); err != nil {
		return nil, nil, err
	}
	if err := d.order(); err != nil {
		return nil, nil, err
	}
	if d.diags.HasErrors() {
		d.diags.Sort()
		return nil, d.diags, nil
	}
	for i := range d.refs {
		if k := d.refs[i].live; k >= 0 {
			saved.ref[k] = int32(i)
		}
	}
	d.numbered = false // cards that aren't held get the ids that they were saved with
	k := &KeptFile{file: f, saved: saved, draft: d, missed: map[int32][]spec.Change{}}
	k.renumberHeld()
	k.begin(&in)
	return k, d.diags, k.look(&in)
}

// renumberHeld gives the actions of the cards that are held the ids that they were
// saved with.
func (k *KeptFile) renumberHeld() {
	var cards []*Card
	of := map[*Card]int32{}
	for i := range k.draft.refs {
		if r := &k.draft.refs[i]; r.held >= 0 && r.live >= 0 {
			c := k.draft.held[r.held]
			cards, of[c] = append(cards, c), r.live
		}
	}
	renumber(cards, func(c *Card, change spec.Change) (string, bool) { return k.saved.id(of[c], change) },
		func(c *Card, change spec.Change) { k.missed[of[c]] = append(k.missed[of[c]], change) })
}

// begin completes the plan but for its cards and what is counted of them.
func (k *KeptFile) begin(in *Input) {
	p, fresh := *k.file.head, k.draft.head
	p.summary, p.Limits, p.Costs = nil, nil, nil
	p.Lineage, p.Serial = fresh.Lineage, fresh.Serial
	p.Totals, p.Total, p.Skipped = fresh.Totals, fresh.Total, fresh.Skipped
	k.guard = newGuard(in.Fleet, in.Prior, in.Approvals, in.Now)
	k.keys = newKeyring(fresh.Lineage, fresh.Serial, p.Timestamp)
	k.head, p.Policy = &p, k.guard.policy
	if !in.Approvals.signed() {
		return
	}
	text := p.approvalText(in.Now, "", k.eachSaved)
	if len(text.Actions) == 0 {
		return
	}
	text.Fleet = fresh.Lineage
	k.guard.signed, k.guard.refused = k.guard.judgeAll(text, in.Approvals, spentIn(in.Prior))
}

// eachSaved visits the saved cards, as far as a signature names them.
func (k *KeptFile) eachSaved(visit func(*Card)) {
	var c Card
	for i := range k.saved.places {
		was := k.saved.was(int32(i))
		c = Card{Provider: was.Provider, ICCID: was.ICCID, Actions: c.Actions[:0]}
		for j := range was.Recent {
			c.Actions = append(c.Actions, Action{Change: was.Recent[j].Change})
		}
		_, memory := k.before(int32(i))
		k.guard.guards(&c, memory)
		visit(&c)
	}
}

// before is what is declared and remembered of a saved card.
func (k *KeptFile) before(i int32) (wanted *spec.Card, memory *state.Card) {
	if at := k.saved.wanted[i]; at >= 0 {
		wanted = &k.draft.in.Fleet.Cards[at]
	}
	return wanted, k.draft.remembered(k.saved.memory[i], wanted)
}

// look looks at each card once: which of its actions are kept, and what is to be
// counted. The error is [ErrHeldWhole] where the cards have another order by now.
func (k *KeptFile) look(in *Input) error {
	n := newCounts(in)
	var left []int32
	silent, last := k.saved.silent, ""
	for i, place := range k.saved.places {
		for ; len(silent) > 0 && silent[0] < place; silent = silent[1:] {
			k.shown = append(k.shown, inFile(silent[0]))
		}
		c, err := k.card(int32(i))
		if err != nil {
			return err
		}
		switch {
		case len(c.Actions) > 0 && c.Address < last:
			return ErrHeldWhole
		case len(c.Actions) > 0:
			k.shown, last = append(k.shown, int32(i)), c.Address
			n.card(c)
		case k.saved.said[i] >= 0:
			k.shown = append(k.shown, inFile(place))
		}
		if len(c.Actions) < len(k.saved.was(int32(i)).Recent) {
			left = append(left, int32(i))
		}
	}
	for _, place := range silent {
		k.shown = append(k.shown, inFile(place))
	}
	if err := k.lookInFile(&n); err != nil {
		return err
	}
	k.sumUp(&n, in)
	return k.leave(left)
}

// lookInFile counts the cards of which no action is kept.
func (k *KeptFile) lookInFile(n *counts) error {
	if !slices.ContainsFunc(k.shown, func(at int32) bool { return at < 0 }) {
		return nil
	}
	last := ""
	return k.Each(func(_ int, c *Card) error {
		if c.Address < last {
			return ErrHeldWhole
		}
		if last = c.Address; len(c.Actions) == 0 {
			n.card(c)
		}
		return nil
	})
}

// withoutActions is a card as it is shown of which nothing is kept.
func withoutActions(c *Card) *Card {
	own := *c
	own.Actions = nil
	return &own
}

func (k *KeptFile) sumUp(n *counts, in *Input) {
	p := k.head
	p.judgeLimits(n, in)
	p.Costs, p.Money = n.costs.costs(p.Reads, in.Paces), n.money.money()
	p.Windows = timings(in.Fleet.Windows, in.Now, n.kinds)
	s := n.summaryOf(p)
	p.summary = &s
}

// card is a saved card as it comes out now, with the actions that are kept. It is good
// until the next call. The error is [ErrHeldWhole].
func (k *KeptFile) card(i int32) (*Card, error) {
	at := k.saved.ref[i]
	if at < 0 {
		k.one = Card{}
		return &k.one, nil
	}
	r := &k.draft.refs[at]
	c, memory := k.draft.compared(r)
	if len(c.Actions) == 0 {
		k.one = Card{}
		return &k.one, nil
	}
	if r.held < 0 && !k.number(i, c) {
		return nil, ErrHeldWhole
	}
	k.guard.guards(c, memory)
	k.keys.give(c, memory)
	k.guard.judges(c)
	k.one = *c
	k.one.Attention, k.one.Drift, k.one.Notes = nil, nil, nil
	if at := k.saved.said[i]; at >= 0 {
		s := &k.saved.sayings[at]
		k.one.Attention, k.one.Drift, k.one.Notes = s.attention, s.drift, s.notes
	}
	return &k.one, nil
}

// number gives the actions of a card that waits for no other one the ids that they were
// saved with, and reports whether all have one.
func (k *KeptFile) number(i int32, c *Card) bool {
	for j := range c.Actions {
		id, ok := k.saved.id(i, c.Actions[j].Change)
		if !ok {
			return false
		}
		c.Actions[j].ID = id
	}
	needBefore(c.Actions)
	return true
}

// leave says why the other actions of cards aren't kept.
func (k *KeptFile) leave(cards []int32) error {
	places := make([]int32, 0, len(cards))
	for _, i := range cards {
		places = append(places, k.saved.places[i])
	}
	of := &keeper{saved: k.head, in: k.draft.in, removed: k.draft.differ.removed}
	return k.file.Visit(places, func(_ int, saved *Card) error {
		i := cards[0]
		cards = cards[1:]
		own := saved.Clone()
		c, err := k.kept(i, &own)
		if err != nil {
			return err
		}
		for j := range own.Actions {
			if !c.kept[j] {
				k.Left = append(k.Left, of.leave(c, j))
			}
		}
		return nil
	})
}

// kept is what is so now of a saved card.
func (k *KeptFile) kept(i int32, saved *Card) (*keptCard, error) {
	wanted, memory := k.before(i)
	k.guard.guards(saved, memory)
	c := &keptCard{saved: saved, wanted: wanted, kept: make([]bool, len(saved.Actions)), why: make([]string, len(saved.Actions))}
	if memory != nil {
		own := *memory
		c.memory = &own
	}
	if c.provider() == saved.Provider {
		able := k.draft.in.Capabilities[saved.Provider]
		c.now = c.memory.Overlay(k.saved.reading(i, saved.Provider, c.memory, &able), able.Settle)
	}
	if at := k.saved.ref[i]; at >= 0 {
		c.asked = k.draft.asked(&k.draft.refs[at])
		fresh, _ := k.draft.compared(&k.draft.refs[at])
		own := fresh.Clone()
		c.fresh = &own
	}
	for _, change := range k.missed[i] {
		c.missed(change)
	}
	kept, err := k.card(i)
	if err != nil {
		return nil, err
	}
	for j := range kept.Actions {
		c.kept[k.saved.index(i, kept.Actions[j].Change)] = true
	}
	return c, nil
}

// Head implements [Source].
func (k *KeptFile) Head() *Plan { return k.head }

// Each implements [Source].
func (k *KeptFile) Each(visit func(n int, c *Card) error) error {
	return k.visit(len(k.shown), func(i int) int { return i }, visit)
}

// Visit implements [Source].
func (k *KeptFile) Visit(places []int32, visit func(n int, c *Card) error) error {
	return k.visit(len(places), func(i int) int { return int(places[i]) }, visit)
}

// visit visits so many cards, at ascending places.
func (k *KeptFile) visit(cards int, place func(i int) int, visit func(n int, c *Card) error) error {
	var told []int32 // places in the file
	for i := range cards {
		if at := k.shown[place(i)]; at < 0 {
			told = append(told, inFile(at))
		}
	}
	i := 0
	planned := func() error { // the cards that come before the next one in the file
		for ; i < cards && k.shown[place(i)] >= 0; i++ {
			c, err := k.card(k.shown[place(i)])
			if err == nil {
				err = visit(place(i), c)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	err := k.file.Visit(told, func(_ int, c *Card) error {
		if err := planned(); err != nil {
			return err
		}
		i++
		return visit(place(i-1), withoutActions(c))
	})
	if err != nil {
		return err
	}
	return planned()
}

// Before is [Draft.Before].
func (k *KeptFile) Before(n int) (wanted *spec.Card, memory *state.Card) {
	at := k.shown[n]
	if at < 0 {
		return nil, nil
	}
	return k.before(at)
}

// Remembered is what the state has of a card with an action of the saved plan; nil for
// another card, and for nothing. It is good until the next call.
func (k *KeptFile) Remembered(iccid spec.ICCID) *state.Card {
	i := k.saved.find(iccid)
	if i < 0 {
		return nil
	}
	_, memory := k.before(i)
	return memory
}

// Order is the saved plan's order of actions, by their ids.
func (k *KeptFile) Order() map[string]int {
	order := make(map[string]int, len(k.saved.ids))
	for i, number := range k.saved.ids {
		order[actionID(number)] = i
	}
	return order
}

// Whole is the saved plan as one value.
func (f *File) Whole() (*Plan, error) {
	p := *f.head
	p.summary = nil
	p.Cards = slices.Grow(p.Cards, f.cards)
	err := f.Each(func(_ int, c *Card) error {
		p.Cards = append(p.Cards, *c)
		c.Actions = nil // its list is the plan's
		return nil
	})
	return &p, err
}
