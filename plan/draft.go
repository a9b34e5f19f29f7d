package plan

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Draft is a plan that is made card by card: it holds the counts, and of each
// card that it has something to say of no more than where the card is declared
// and remembered. [Draft.Each] compares the card again, which takes less time
// than to keep what came out for a million of them.
//
// What is kept of a card whole is what comes out of several cards together:
// changes of devices, which wait for each other, with the cards that release
// these devices; and the first card of a provider block that is gone.
type Draft struct {
	in      Input
	selects selector
	differ  differ
	head    *Plan
	refs    []ref   // by address
	held    []*Card // see ref.held
	diags   spec.Diagnostics
	// guard judges the cards' actions, and keys gives them theirs; nil for a plan
	// that is no more than a difference.
	guard  *guard
	keys   *keyring
	counts counts

	next       int // the first reading not passed yet
	departures departures
	stranded   map[spec.ProviderName]*stranded
	totals     map[spec.ProviderName]*Total
	reads      map[spec.ProviderName]*Reads // of cards that are taken from the state
	row        *state.Card                  // the card of the state that is looked at
	kept       memories                     // of cards of the plan, where the state isn't whole
	planned    []int32                      // the places in the state of cards of the plan, ascending
	numbered   bool
	takes      bool // some card takes a device, so that cards may wait for each other
	scratch    pair
	saved      *savedCards // of the saved plan that is held against this; nil for none
}

// ref is where a card of the plan is found.
type ref struct {
	wanted int32 // in the fleet; -1 for one that isn't declared
	memory int32 // in the state, or in Draft.kept; -1 for one that isn't managed
	live   int32 // in the readings, or in Draft.saved; -1 for one that wasn't asked for
	held   int32 // in Draft.held; -1 for a card that is compared again
	first  int32 // how many actions the plan has before those of the card
}

// NewDraft is [Make] for a plan that is read card by card. With an error among
// the diagnostics the draft is nil. err is of in.Rows, or [state.ErrTangled] where
// the state has to be whole.
func NewDraft(in Input) (d *Draft, diags spec.Diagnostics, err error) {
	d = newDraft(in)
	if diags := d.selects.unmatched(in.Fleet, in.Prior); diags.HasErrors() {
		return nil, diags, nil
	}
	lineage, serial := "", uint64(0)
	if in.Prior != nil {
		lineage, serial = in.Prior.Lineage, in.Prior.Serial
	}
	d.guard, d.keys = newGuard(in.Fleet, in.Prior, in.Approvals, in.Now), newKeyring(lineage, serial, in.Now)
	d.counts = newCounts(&d.in)
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
	d.takeSignatures(lineage)
	if d.takes || in.Approvals.signed() {
		d.recount()
	}
	more, err := unneeded(d, in)
	if err != nil {
		return nil, nil, err
	}
	d.diags = append(d.diags, more...)
	d.finish()
	return d, d.diags, nil
}

// takeSignatures finds who signed the plan's guarded actions.
func (d *Draft) takeSignatures(lineage string) {
	if !d.in.Approvals.signed() {
		return
	}
	text := d.head.approvalText(d.in.Now, "", d.each)
	if len(text.Actions) == 0 {
		return
	}
	text.Fleet = lineage
	d.guard.signed, d.guard.refused = d.guard.judgeAll(text, d.in.Approvals, spentIn(d.in.Prior))
}

// recount counts the cards again, as they are once all is known.
func (d *Draft) recount() {
	d.counts = newCounts(&d.in)
	d.each(d.counts.card)
}

// finish completes the plan but for its cards.
func (d *Draft) finish() {
	p := d.head
	p.Policy, p.Reads = d.guard.policy, d.in.Reads
	for _, provider := range slices.Sorted(maps.Keys(d.reads)) {
		p.Reads = append(p.Reads, *d.reads[provider])
	}
	p.judgeLimits(&d.counts, &d.in)
	p.Costs, p.Money = d.counts.costs.costs(p.Reads, d.in.Paces), d.counts.money.money()
	p.Windows = timings(d.in.Fleet.Windows, d.in.Now, d.counts.kinds)
	s := d.counts.summaryOf(p)
	p.summary = &s
}

// Head implements [Source].
func (d *Draft) Head() *Plan { return d.head }

// Each implements [Source].
func (d *Draft) Each(visit func(n int, c *Card) error) error {
	for i := range d.refs {
		if err := visit(i, d.whole(&d.refs[i])); err != nil {
			return err
		}
	}
	return nil
}

// Visit implements [Source].
func (d *Draft) Visit(places []int32, visit func(n int, c *Card) error) error {
	for _, n := range places {
		if err := visit(int(n), d.whole(&d.refs[n])); err != nil {
			return err
		}
	}
	return nil
}

// Before is what the draft was made from at a place: what is declared of the card,
// and what the state has of it; nil for what there isn't. The second is good until
// the draft is used again.
func (d *Draft) Before(n int) (wanted *spec.Card, memory *state.Card) { return d.at(&d.refs[n]) }

func (d *Draft) each(visit func(*Card)) {
	for i := range d.refs {
		visit(d.whole(&d.refs[i]))
	}
}

func newDraft(in Input) *Draft {
	d := &Draft{in: in, selects: newSelector(in.Select), totals: map[spec.ProviderName]*Total{}, reads: map[spec.ProviderName]*Reads{}, head: &Plan{
		Version: in.Version, Timestamp: in.Now, Config: in.Fleet.Digest, Incomplete: in.Incomplete,
		Carriers: definitions(in.Fleet, in.Prior), CarriersLeft: left(in.Fleet, in.Prior),
		Partial: in.Select.String(), RefreshOnly: in.RefreshOnly,
		Origin: in.Origin, Zone: in.Fleet.Zone,
	}}
	d.differ.in = &d.in
	d.differ.removed, d.diags = removedCards(in.Fleet, in.Prior)
	if in.Prior != nil {
		d.head.Lineage, d.head.Serial = in.Prior.Lineage, in.Prior.Serial
	}
	for _, inc := range in.Incomplete {
		d.differ.dark = append(d.differ.dark, inc.Provider)
	}
	d.departures.watch(in.Fleet)
	return d
}

// join compares all cards once, counts them, and notes those that the plan has.
func (d *Draft) join() error {
	m := merging{cards: d.in.Fleet.Cards, visit: d.card}
	err := d.in.prior(func(j int, c *state.Card) error {
		if d.in.Rows != nil && m.respelled(c.ICCID) {
			return state.ErrTangled
		}
		d.row = c
		m.managed(j, c.ICCID)
		return nil
	})
	if err != nil {
		return err
	}
	m.end()
	unlabelled, err := d.unlabelled()
	if err != nil {
		return err
	}
	d.diags = append(d.diags, unlabelled...)
	d.diags = append(d.diags, d.departures.judge(d.in.Fleet)...)
	d.numbers()
	d.tellStranded()
	for _, provider := range slices.Sorted(maps.Keys(d.totals)) {
		d.head.Totals = append(d.head.Totals, *d.totals[provider])
	}
	d.sort()
	return nil
}

// card looks at one card of the fleet and the state, at the places i and j.
func (d *Draft) card(i, j int) {
	var wanted *spec.Card
	var memory *state.Card
	if i >= 0 {
		wanted = &d.in.Fleet.Cards[i]
	}
	if j >= 0 {
		memory = d.row
	}
	if !d.selects.card(wanted, memory) {
		d.head.Skipped++
		d.total(idOf(wanted, memory).Provider, memory != nil, false)
		return
	}
	d.head.Total++
	r := ref{wanted: int32(i), memory: int32(j), live: -1, held: -1}
	r.live = d.reading(idOf(wanted, memory).ICCID)
	p := &d.scratch
	p.set(&d.differ, wanted, memory, d.live(&r, wanted, memory))
	isKept := d.keepSaved(&r, p)
	released := d.differ.releases(p)
	if !released {
		d.departures.take(p)
	}
	if d.in.Remembered && d.needs(p, released) {
		d.remember(p)
	}
	d.total(p.card.Provider, memory != nil, wanted == nil && !released)
	is := d.differ.compare(p)
	d.narrow(&r, p)
	d.note(p.prevented, wanted != nil)
	switch is {
	case unread:
		d.head.Unread++
		return
	case adrift:
		d.strand(p)
		return
	case asItIs, told:
		d.head.Unchanged++
	case changing:
		d.takes = d.takes || slices.ContainsFunc(p.card.Actions, func(a Action) bool { return a.Kind == spec.ChangeBind })
	}
	if is != asItIs {
		r.first = int32(len(p.card.Actions)) // until they are numbered
		if memory != nil {
			d.planned = append(d.planned, int32(j))
		}
		if d.in.Rows != nil && memory != nil && !isKept {
			r.memory = d.kept.keep(memory, declaredAddress(p))
		}
		d.refs = append(d.refs, r)
		d.count(&p.card, memory)
	}
}

// keepSaved notes where a card of the saved plan is declared, and keeps what the state
// has of it, whatever comes out for it. It reports whether that is kept apart.
func (d *Draft) keepSaved(r *ref, p *pair) bool {
	if d.saved == nil || r.live < 0 {
		return false
	}
	apart := d.in.Rows != nil && p.memory != nil
	if apart {
		r.memory = d.kept.keep(p.memory, declaredAddress(p))
	}
	d.saved.wanted[r.live], d.saved.memory[r.live] = r.wanted, r.memory
	return apart
}

// narrow leaves of what came out for a card the actions that were saved.
func (d *Draft) narrow(r *ref, p *pair) {
	switch {
	case d.saved == nil:
	case r.live < 0:
		p.card.Actions = p.card.Actions[:0]
	default:
		p.card.Actions = d.saved.narrowed(r.live, &p.card)
		p.card.After = p.card.Before.afterIn(&p.laid, p.card.Actions)
	}
}

func declaredAddress(p *pair) string {
	if p.wanted == nil {
		return ""
	}
	return p.address()
}

// count counts what the plan says of a card.
func (d *Draft) count(c *Card, memory *state.Card) {
	if d.guard != nil {
		d.guard.guards(c, memory)
		d.guard.judges(c)
		d.counts.card(c)
	}
}

// needs reports whether the plan needs to know what is live of the card, as
// [Targets] has it.
func (d *Draft) needs(p *pair, released bool) bool {
	return p.wanted != nil || !released && d.in.Fleet.Policy.OnRemove != spec.Forget && d.in.Fleet.Provider(p.memory.Provider) != nil
}

// remember counts a card that is taken from the state.
func (d *Draft) remember(p *pair) {
	r := d.reads[p.card.Provider]
	if r == nil {
		r = &Reads{Provider: p.card.Provider}
		d.reads[p.card.Provider] = r
	}
	r.Cards++
	if !p.live.At.IsZero() {
		r.Remember(p.live.At)
	}
}

// at is what is declared and what is remembered of a card. The second is good
// until the next call.
func (d *Draft) at(r *ref) (wanted *spec.Card, memory *state.Card) {
	if r.wanted >= 0 {
		wanted = &d.in.Fleet.Cards[r.wanted]
	}
	return wanted, d.remembered(r.memory, wanted)
}

// remembered is what the state has of a card, at that place; nil for -1.
func (d *Draft) remembered(place int32, wanted *spec.Card) *state.Card {
	switch {
	case place < 0:
		return nil
	case d.in.Rows != nil:
		return d.kept.card(place, wanted)
	default:
		return &d.in.Prior.Cards[place]
	}
}

// reading finds a card's reading; -1 for none. Cards come in the readings'
// order, so this is a merge.
func (d *Draft) reading(iccid spec.ICCID) int32 {
	if d.saved != nil {
		return d.saved.pass(iccid)
	}
	for ; d.next < len(d.in.Live); d.next++ {
		switch c := cmp.Compare(d.in.Live[d.next].ICCID, iccid); {
		case c == 0:
			return int32(d.next)
		case c > 0:
			return -1
		}
	}
	return -1
}

// live is what is known to be so at the carrier.
func (d *Draft) live(r *ref, wanted *spec.Card, memory *state.Card) spec.Reading {
	switch {
	case r.live >= 0 && d.saved != nil:
		at := idOf(wanted, memory).Provider
		return d.saved.reading(r.live, at, memory, d.differ.capabilities(at))
	case r.live >= 0:
		return d.in.Live[r.live]
	case d.in.Remembered:
		live := memory.Reading()
		live.Provider, live.ICCID = idOf(wanted, memory).Provider, idOf(wanted, memory).ICCID
		return live
	}
	id := idOf(wanted, memory)
	return spec.Reading{Provider: id.Provider, ICCID: id.ICCID}
}

// note takes down that a card must not be unbound.
func (d *Draft) note(prevented *spec.Diagnostic, declared bool) {
	switch {
	case prevented == nil:
	case declared:
		d.diags = append(d.diags, *prevented)
	default:
		d.departures.prevented = append(d.departures.prevented, *prevented)
	}
}

// total counts the card for the limits.
func (d *Draft) total(provider spec.ProviderName, managed, left bool) {
	t := d.totals[provider]
	if t == nil {
		t = &Total{Provider: provider}
		d.totals[provider] = t
	}
	t.Cards++
	if managed {
		t.Managed++
	}
	if left {
		t.Left++
	}
}

// sort puts the cards in the order of their addresses. Cards with nothing but a
// key of their own are so already, mostly.
func (d *Draft) sort() {
	if d.sorted() {
		return
	}
	type addressed struct {
		address string
		ref     ref
	}
	list := make([]addressed, len(d.refs))
	for i := range d.refs {
		list[i] = addressed{string(d.appendAddress(nil, &d.refs[i])), d.refs[i]}
	}
	slices.SortStableFunc(list, func(a, b addressed) int { return cmp.Compare(a.address, b.address) })
	for i := range list {
		d.refs[i] = list[i].ref
	}
}

func (d *Draft) sorted() bool {
	var last, next []byte
	for i := range d.refs {
		if next = d.appendAddress(next[:0], &d.refs[i]); string(next) < string(last) {
			return false
		}
		last, next = next, last
	}
	return true
}

func (d *Draft) appendAddress(b []byte, r *ref) []byte {
	if r.held >= 0 {
		return append(b, d.held[r.held].Address...)
	}
	if r.wanted >= 0 {
		return d.in.Fleet.Cards[r.wanted].AppendAddress(b)
	}
	_, memory := d.at(r)
	return append(b, memory.Address...)
}

// number gives the actions their ids.
func (d *Draft) number() {
	n := int32(0)
	for i := range d.refs {
		d.refs[i].first, n = n, n+d.refs[i].first
	}
	d.numbered = true
}

// compared is a card as it is compared again, or held, and what the state has of
// it. Both are good until the next call.
func (d *Draft) compared(r *ref) (*Card, *state.Card) {
	wanted, memory := d.at(r)
	if r.held >= 0 {
		return d.held[r.held], memory
	}
	p := &d.scratch
	p.set(&d.differ, wanted, memory, d.live(r, wanted, memory))
	d.differ.compare(p)
	p.address()
	d.narrow(r, p)
	if d.numbered {
		chain(p.card.Actions, int(r.first))
	}
	return &p.card, memory
}

// whole is the card with all that the plan says of it. It is good until the next call.
func (d *Draft) whole(r *ref) *Card {
	c, memory := d.compared(r)
	if d.guard != nil {
		d.guard.guards(c, memory)
		d.keys.give(c, memory)
		d.guard.judges(c)
	}
	return c
}

// value is the plan as one value.
func (d *Draft) value() *Plan {
	p := *d.head
	p.summary = nil
	p.Cards = make([]Card, 0, len(d.refs))
	d.scratch = pair{keeps: true}
	for i := range d.refs {
		c := d.whole(&d.refs[i])
		p.Cards = append(p.Cards, *c)
		last := &p.Cards[i]
		last.Actions, last.Attention, last.Notes = orNil(c.Actions), orNil(c.Attention), orNil(c.Notes)
	}
	return &p
}

// chain gives the actions of a card their ids, and has each wait for the one
// before it that calls the carrier, or that moves the card to where it is called.
func chain(actions []Action, before int) {
	for j := range actions {
		actions[j].ID = "a" + strconv.Itoa(before+j+1)
	}
	needBefore(actions)
}

// needBefore has each action of a card wait as [chain] says.
func needBefore(actions []Action) {
	for j := range actions {
		if j > 0 && (actions[j-1].Kind.CallsCarrier() || actions[j-1].Kind == spec.Move) {
			actions[j].Needs = []string{actions[j-1].ID}
		}
	}
}

// orNil is a list that is nil where it is empty.
func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

// asked are the changes that come out for a card, whatever was saved of them.
func (d *Draft) asked(r *ref) []spec.Change {
	wanted, memory := d.at(r)
	if wanted == nil && memory == nil {
		return nil // it is held: see tellStranded
	}
	p := &d.scratch
	p.set(&d.differ, wanted, memory, d.live(r, wanted, memory))
	d.differ.compare(p)
	var asked []spec.Change
	for i := range p.card.Actions {
		asked = append(asked, p.card.Actions[i].Change)
	}
	return asked
}
