package workers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/cardfleet/cardfleet/apply"
	"github.com/cardfleet/cardfleet/internal/run"
	"github.com/cardfleet/cardfleet/plan"
	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
	"github.com/cardfleet/cardfleet/state/postgres"
)

// Accounts says which account the changes of each provider block are made in.
// Blocks that share a carrier's account share its limits, so they are one: it is
// called like the first of them.
func Accounts(blocks []spec.ProviderConfig, paces map[spec.ProviderName]spec.Pace) map[spec.ProviderName]string {
	accounts := make(map[spec.ProviderName]string, len(blocks))
	first := map[string]string{}
	for i := range blocks {
		name := blocks[i].Name
		shared := paces[name].Account
		account, known := first[shared]
		if shared == "" || !known {
			account = string(name)
		}
		if shared != "" {
			first[shared] = account
		}
		accounts[name] = account
	}
	return accounts
}

// Matches reports whether a glob of accounts is of one; "" and "*" are of all.
func Matches(glob, account string) bool {
	if glob == "" || glob == "*" {
		return true
	}
	ok, err := path.Match(glob, account)
	return err == nil && ok
}

// ConfigDigest stands for what a worker's configuration must have to carry a run
// out: the provider blocks with their settings, but for secrets and for what the
// environment says, by itself or by env(), and the definitions of carriers.
func ConfigDigest(fleet *spec.Fleet, schemas func(name string) spec.Schema) string {
	type block struct {
		Name     string
		Settings map[string]any
	}
	var said struct {
		Blocks      []block
		Definitions map[string]string
	}
	for _, p := range fleet.Providers {
		settings := maps.Clone(p.Settings)
		for _, s := range schemas(p.Name.Type()).Settings {
			if s.Secret {
				delete(settings, s.Name)
			}
		}
		maps.DeleteFunc(settings, func(name string, _ any) bool { return p.Sensitive[name] })
		said.Blocks = append(said.Blocks, block{string(p.Name), settings})
	}
	slices.SortFunc(said.Blocks, func(a, b block) int { return cmp.Compare(a.Name, b.Name) })
	said.Definitions = plan.CarrierDigests(fleet)
	text, err := json.Marshal(said)
	if err != nil { // no setting is of a type that has no JSON
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Info is what a run tells of itself.
type Info struct {
	Run       state.Run         `json:"run"` // as the history has it
	Origin    plan.Origin       `json:"origin,omitzero"`
	Plan      string            `json:"plan,omitempty"` // the digest of the saved plan
	Providers map[string]string `json:"providers"`      // the account of each provider block
	// Whole says that the saved plan is carried out once all of the run is done, and all of
	// the runs With: what they don't have of it was done before.
	Whole bool     `json:"whole,omitempty"`
	With  []string `json:"with,omitempty"`
	// Detached says that nobody follows the run: a worker tells of its end.
	Detached bool `json:"detached,omitempty"`
	// RestOf is the run that was handed over right before, by the same apply.
	RestOf string `json:"rest_of,omitempty"`
}

// Named reports whether a glob is of the account, or of a provider block whose changes
// are made in it.
func (i *Info) Named(glob, account string) bool {
	named := Matches(glob, account)
	for name, of := range i.Providers {
		named = named || of == account && Matches(glob, name)
	}
	return named
}

// Part says what of a plan is handed over, and what is done here.
type Part struct {
	handed map[spec.ProviderName]string // their accounts
}

// Split is the part of a fleet's changes that goes to workers.
func Split(fleet *spec.Fleet, carriers run.Carriers) Part {
	part := Part{handed: map[spec.ProviderName]string{}}
	for name, account := range Accounts(fleet.Providers, carriers.Paces) {
		if fleet.Executor != nil && Matches(fleet.Executor.Accounts, account) {
			part.handed[name] = account
		}
	}
	return part
}

// Empty reports whether workers have nothing to do with the fleet.
func (p Part) Empty() bool { return len(p.handed) == 0 }

// Here reports whether an action of a card is carried out by the run that hands the
// others over: it calls no carrier that workers call, and needs nothing of theirs.
func (p Part) Here(c *plan.Card, a *plan.Action) bool {
	if _, handed := p.handed[c.Provider]; !handed {
		return true
	}
	return !a.Kind.CallsCarrier() && len(a.Needs) == 0
}

// takes reports whether an action may go to workers. One that lacks an approval never does.
func (p Part) takes(c *plan.Card, a *plan.Action) bool {
	_, handed := p.handed[c.Provider]
	return handed && (!a.Guarded || a.Approved)
}

// HandOver is a run that is to be handed over.
type HandOver struct {
	Work     *postgres.Work
	Part     Part
	Earlier  *Earlier
	Fleet    *spec.Fleet
	Paces    map[spec.ProviderName]spec.Pace
	Config   string // [ConfigDigest]
	Priority int
	Applied  *run.Applied // what was done here
	Plan     plan.Source  // all of it
	Origin   plan.Origin
	Follows  *Following // who tells of its end; not asked where it is Detached
	Detached bool       // nobody follows it
	RestOf   string     // the run that was handed over right before, by the same apply; "" is none
	Now      time.Time
}

// ID is the run's.
func (h *HandOver) ID() string { return h.Applied.Run.ID }

// slicing is for how long a slice keeps an account busy, by its rate, where each
// action reads the card and changes it. A run of a higher priority waits for that.
const slicing = 4800 * time.Millisecond

// The bounds of a slice, in actions.
const (
	fewest = 4
	most   = 500
)

// size is how many actions a slice of the provider has.
func (h *HandOver) size(name spec.ProviderName) int {
	rate := h.Paces[name].PerSecond
	if rate <= 0 {
		return most
	}
	return max(fewest, min(most, int(rate*slicing.Seconds()/2)))
}

// Do hands the run over, where anything is left to be done, or where earlier runs have
// what is no longer wanted: the state's lock is held. actions is how many workers have
// now, and handed reports whether there is such a run.
func (h *HandOver) Do(ctx context.Context) (actions int, handed bool, err error) {
	left, needed, err := h.left()
	if err != nil || left.actions+len(h.Earlier.superseded) == 0 {
		return 0, false, err
	}
	superseded := slices.Clone(h.Earlier.superseded)
	for i := range superseded {
		superseded[i].By = h.ID()
	}
	said := h.info()
	if said.Whole = h.whole(left); said.Whole {
		said.With = h.Earlier.Runs()
	}
	info, err := json.Marshal(said)
	if err != nil {
		return 0, false, err
	}
	if !h.Detached { // before a worker may end it; where it can't be said, a worker tells of the end
		_ = h.Follows.Renew(ctx)
	}
	s := &slicer{h: h, left: left, needed: needed, open: map[string]*open{}}
	_, err = h.Work.HandOver(ctx, postgres.HandOver{
		Run:        postgres.WorkRun{ID: h.ID(), Priority: h.Priority, Created: h.Now, Config: h.Config, Version: Version, Info: info},
		Slices:     s.each,
		Superseded: superseded,
	})
	if err != nil {
		return 0, false, fmt.Errorf("hand the run over: %w", err)
	}
	return s.actions, true, nil
}

func (h *HandOver) info() Info {
	info := Info{Run: *h.Applied.Run, Origin: h.Origin, Plan: h.Applied.Digest, Providers: map[string]string{}, Detached: h.Detached, RestOf: h.RestOf}
	for name, account := range h.Part.handed {
		info.Providers[string(name)] = account
	}
	return info
}

// remaining are the actions that are to be handed over.
type remaining struct {
	done    map[string]bool // those of cards of workers that were done here
	actions int
	// forNobody are the actions that neither workers take nor the run does that hands over.
	forNobody int
}

// left finds what is to be handed over, and which actions others wait for.
func (h *HandOver) left() (remaining, map[string]bool, error) {
	r := remaining{done: map[string]bool{}}
	err := h.Applied.Report.Each(func(result *apply.Result) error {
		if _, handed := h.Part.handed[result.Card.Provider]; handed {
			r.done[result.Action.ID] = true
		}
		return nil
	})
	if err != nil {
		return r, nil, err
	}
	needed := map[string]bool{}
	err = h.Plan.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			a := &c.Actions[i]
			if !h.Part.Here(c, a) && !h.Part.takes(c, a) {
				r.forNobody++
			}
			if !h.goes(c, a, r) || h.Earlier.Has(c, a) {
				continue
			}
			r.actions++
			for _, need := range a.Needs {
				if !slices.ContainsFunc(c.Actions, func(own plan.Action) bool { return own.ID == need }) {
					needed[need] = true
				}
			}
		}
		return nil
	})
	return r, needed, err
}

// goes reports whether an action is handed over.
func (h *HandOver) goes(c *plan.Card, a *plan.Action, r remaining) bool {
	return !r.done[a.ID] && h.Part.takes(c, a)
}

// slicer cuts a plan into slices, account by account, in the plan's order.
type slicer struct {
	h       *HandOver
	left    remaining
	needed  map[string]bool
	open    map[string]*open
	actions int
}

// open is an account's slice that more cards may join.
type open struct {
	n     int
	size  int
	cards []*card
	slice postgres.WorkSlice
}

func (s *slicer) each(yield func(*postgres.WorkSlice) error) error {
	s.actions = 0
	err := s.h.Plan.Each(func(_ int, c *plan.Card) error { return s.card(c, yield) })
	if err != nil {
		return err
	}
	for _, account := range slices.Sorted(maps.Keys(s.open)) {
		if err := s.flush(s.open[account], yield); err != nil {
			return err
		}
	}
	return nil
}

func (s *slicer) card(c *plan.Card, yield func(*postgres.WorkSlice) error) error {
	var actions []plan.Action
	for i := range c.Actions {
		if s.h.goes(c, &c.Actions[i], s.left) && !s.h.Earlier.Has(c, &c.Actions[i]) {
			a := c.Actions[i]
			a.Needs = slices.DeleteFunc(slices.Clone(a.Needs), func(need string) bool { return s.left.done[need] })
			actions = append(actions, a)
		}
	}
	if len(actions) == 0 {
		return nil
	}
	account := s.h.Part.handed[c.Provider]
	o := s.open[account]
	if o == nil {
		o = &open{size: s.h.size(c.Provider), slice: postgres.WorkSlice{Run: s.h.ID(), Account: account}}
		s.open[account] = o
	}
	if o.slice.Actions > 0 && o.slice.Actions+len(actions) > o.size {
		if err := s.flush(o, yield); err != nil {
			return err
		}
	}
	own := newCard(c, actions, s.needed)
	o.cards = append(o.cards, own)
	o.slice.Actions += len(actions)
	o.slice.Keys = keysOf(&own.Card, o.slice.Keys)
	s.actions += len(actions)
	return nil
}

// hold has a slice wait of which every action is held by a window now.
func (s *slicer) hold(o *open, slice *postgres.WorkSlice) {
	var at time.Time
	why := ""
	for _, c := range o.cards {
		for i := range c.Actions {
			reason, until := s.h.Fleet.Held(c.Actions[i].Kind, s.h.Now)
			if reason == "" {
				return
			}
			if why == "" || until.Before(at) {
				at, why = until, reason
			}
		}
	}
	if !at.IsZero() {
		slice.NotBefore, slice.Waits = soonest(at, s.h.Now), why
	}
}

// flush ends a slice.
func (s *slicer) flush(o *open, yield func(*postgres.WorkSlice) error) (err error) {
	if len(o.cards) == 0 {
		return nil
	}
	slice := o.slice
	slice.N = o.n
	s.hold(o, &slice)
	if slice.Cards, err = encodeCards(o.cards); err != nil {
		return err
	}
	o.n++
	o.cards, o.slice = o.cards[:0], postgres.WorkSlice{Run: slice.Run, Account: slice.Account}
	return yield(&slice)
}

// Guarded names the guarded actions that workers carry out, as approvals do.
func (p Part) Guarded(of plan.Source) (map[string]bool, error) {
	names := map[string]bool{}
	err := of.Each(func(_ int, c *plan.Card) error {
		for i := range c.Actions {
			if a := &c.Actions[i]; a.Guarded && a.Approved && !p.Here(c, a) {
				names[plan.ActionName(c, a)] = true
			}
		}
		return nil
	})
	return names, err
}

// Busy are calls under way on cards and devices that the plan changes.
func Busy(calls []postgres.UnderWay, p plan.Source) ([]postgres.UnderWay, error) {
	if len(calls) == 0 {
		return nil, nil
	}
	by := map[spec.ICCID]postgres.UnderWay{}
	for _, c := range calls {
		by[c.ICCID] = c
	}
	var busy []postgres.UnderWay
	err := p.Each(func(_ int, c *plan.Card) error {
		if call, under := by[c.ICCID]; under && len(c.Actions) > 0 {
			busy = append(busy, call)
		}
		return nil
	})
	return busy, err
}

// Named names a change of a card, in any run.
func Named(iccid spec.ICCID, change spec.Change) string {
	return string(iccid) + " " + string(change.Kind) + " " + change.From + " " + change.To
}

// Earlier is what runs that were handed over before have not begun yet, held against
// the plan of a new one.
type Earlier struct {
	// superseded are their actions that the new plan no longer wants.
	superseded []postgres.Superseded
	// unwanted are the cards of these.
	unwanted map[spec.ICCID]bool
	// elsewhere are the runs of changes that the new plan wants too, and that stay with
	// the run that has them.
	elsewhere map[string]string
	// Pending are the cards that they still change, with these actions, as far as the
	// new plan doesn't have them itself.
	Pending []*plan.Card
}

// LookEarlier finds that for a plan with a priority: what waits at a lower one goes
// with the new run.
func LookEarlier(ctx context.Context, work *postgres.Work, p plan.Source, priority int) (*Earlier, error) {
	e := &Earlier{elsewhere: map[string]string{}, unwanted: map[spec.ICCID]bool{}}
	waiting := map[spec.ICCID][]waitingAction{}
	err := work.OpenSlices(ctx, "", func(s *postgres.WorkSlice) error {
		cards, err := decodeCards(s.Cards)
		for _, c := range cards {
			for i := range c.Actions {
				waiting[c.ICCID] = append(waiting[c.ICCID], waitingAction{s.Run, s.Priority, c.Provider, c.Actions[i].ID, c.Actions[i].Change})
			}
		}
		return err
	})
	if err != nil || len(waiting) == 0 {
		return e, err
	}
	head := p.Head()
	whole := head.Partial == "" && len(head.Incomplete) == 0 && !head.RefreshOnly
	err = p.Each(func(_ int, c *plan.Card) error {
		e.judge(c, waiting[c.ICCID], len(c.Attention) == 0, priority)
		delete(waiting, c.ICCID)
		return nil
	})
	for _, iccid := range slices.Sorted(maps.Keys(waiting)) { // of these the plan has nothing to say: where it is whole, they are as wanted
		e.judge(&plan.Card{ICCID: iccid}, waiting[iccid], whole, priority)
	}
	return e, err
}

// Has reports whether an earlier run has the change of a card, which stays with it.
func (e *Earlier) Has(c *plan.Card, a *plan.Action) bool {
	return e.RunOf(c, a) != ""
}

// RunOf is the earlier run that has the change of a card; "" for none.
func (e *Earlier) RunOf(c *plan.Card, a *plan.Action) string {
	return e.elsewhere[Named(c.ICCID, a.Change)]
}

// News counts the cards with changes for workers that neither earlier runs have nor the
// plan had that was handed over before, of those that only names; nil is of all.
func (e *Earlier) News(p, before plan.Source, part Part, only func(spec.ICCID) bool) (int, error) {
	news := map[string]spec.ICCID{}
	visit := func(of plan.Source, seen func(c *plan.Card, a *plan.Action)) error {
		return of.Each(func(_ int, c *plan.Card) error {
			for i := range c.Actions {
				seen(c, &c.Actions[i])
			}
			return nil
		})
	}
	err := visit(p, func(c *plan.Card, a *plan.Action) {
		if part.takes(c, a) && a.Kind.CallsCarrier() && !e.Has(c, a) && (only == nil || only(c.ICCID)) {
			news[Named(c.ICCID, a.Change)] = c.ICCID
		}
	})
	if err == nil && len(news) > 0 {
		err = visit(before, func(c *plan.Card, a *plan.Action) { delete(news, Named(c.ICCID, a.Change)) })
	}
	return len(slices.Compact(slices.Sorted(maps.Values(news)))), err
}

// Runs are the earlier runs that have changes which the new plan wants too.
func (e *Earlier) Runs() []string {
	return slices.Compact(slices.Sorted(maps.Values(e.elsewhere)))
}

// Unwanted reports whether earlier runs have a change of the card that the new plan no
// longer wants.
func (e *Earlier) Unwanted(card spec.ICCID) bool { return e.unwanted[card] }

// LetEnd waits until what is no longer wanted, and was begun before that was known, has
// ended: the slices that workers had in their hands, and calls that take longer.
func (e *Earlier) LetEnd(ctx context.Context, work *postgres.Work, sleep func(context.Context, time.Duration) error) error {
	if len(e.superseded) == 0 {
		return nil
	}
	accounts, err := work.Accounts(ctx)
	if err != nil || !slices.ContainsFunc(accounts, func(a postgres.AccountState) bool { return a.Live }) {
		return err
	}
	const most = time.Minute // and what is under way even then is in doubt soon
	unwanted := make(map[[2]string]bool, len(e.superseded))
	for _, s := range e.superseded {
		unwanted[[2]string{s.Run, s.Action}] = true
	}
	for waited := time.Duration(0); waited < most; waited += followEvery {
		if waited > longest+sweepEvery {
			calls, err := work.UnderWay(ctx, "")
			if err != nil || !slices.ContainsFunc(calls, func(c postgres.UnderWay) bool { return unwanted[[2]string{c.Run, c.Action}] }) {
				return err
			}
		}
		if err := sleep(ctx, followEvery); err != nil {
			return err
		}
	}
	return nil
}

// judge holds what waits of a card against what the plan has of it. clear says that the
// plan knows what is wanted of the card.
func (e *Earlier) judge(c *plan.Card, waiting []waitingAction, clear bool, priority int) {
	for _, w := range waiting {
		wanted := slices.ContainsFunc(c.Actions, func(a plan.Action) bool { return a.Change == w.change })
		switch {
		case wanted && w.priority >= priority:
			e.elsewhere[Named(c.ICCID, w.change)] = w.run
		case wanted:
		case clear && w.change.Kind.CallsCarrier():
			e.superseded = append(e.superseded, postgres.Superseded{Run: w.run, Action: w.action})
			e.unwanted[c.ICCID] = true
		default:
			e.Pending = append(e.Pending, &plan.Card{Provider: w.provider, ICCID: c.ICCID, Actions: []plan.Action{{ID: w.action, Change: w.change}}})
		}
	}
}

type waitingAction struct {
	run      string
	priority int
	provider spec.ProviderName
	action   string
	change   spec.Change
}
