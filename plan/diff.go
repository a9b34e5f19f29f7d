package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/state"
)

// Diff joins what is wanted, what is remembered and what was read, card by
// card, and says what each card needs: the table "What a difference plans" of
// the language's documentation. Actions come out in their order within each
// card, without ids and without needs: [Order] gives those.
func Diff(in Input) (*Plan, spec.Diagnostics) {
	d := newDraft(in)
	if err := d.join(); err != nil {
		panic(err) // only reading a state card by card can fail
	}
	return d.value(), d.diags
}

// differ compares cards, one at a time.
type differ struct {
	in      *Input
	removed map[spec.ICCID]*spec.Removed // by the ICCID that the state has
	dark    []spec.ProviderName          // carriers that could not be read at all
	caps    *spec.Capabilities           // of the provider of the card before
	of      spec.ProviderName
}

// capabilities are a provider's. Mostly, a card has the provider of the card before.
func (d *differ) capabilities(provider spec.ProviderName) *spec.Capabilities {
	if d.caps == nil || d.of != provider {
		caps := d.in.Capabilities[provider]
		d.caps, d.of = &caps, provider
	}
	return d.caps
}

// pair is one card under comparison.
type pair struct {
	wanted *spec.Card  // nil for a card that left the configuration
	memory *state.Card // nil for a card that is new to the state
	live   spec.Reading
	keeps  bool         // the card's lists are its own, and not those of the card before
	laid   spec.Reading // for what the card is like afterwards
	moved  spec.Reading // of a card that moves: what was read at its new provider block
	caps   *spec.Capabilities
	card   Card
	// underWay is what the carrier has accepted, and no reading shows yet.
	underWay []state.Change
	// prevented is that the card must not be unbound, where it would be.
	prevented *spec.Diagnostic
}

// fate is what comes out for a card.
type fate uint8

// The fates.
const (
	asItIs   fate = iota // it needs nothing, and there is nothing to say
	told                 // it needs nothing, and there is something to say
	changing             // it has actions, or needs attention
	unread               // nobody could be asked for it
	adrift               // its provider block is gone, see [stranded]
)

// set begins the comparison of a card.
func (p *pair) set(d *differ, wanted *spec.Card, memory *state.Card, live spec.Reading) {
	lists := Card{Actions: p.card.Actions[:0], Attention: p.card.Attention[:0], Notes: p.card.Notes[:0]}
	if p.keeps {
		lists = Card{}
	}
	*p = pair{wanted: wanted, memory: memory, live: live, keeps: p.keeps}
	if wanted != nil {
		p.card = Card{Provider: wanted.Provider, ICCID: wanted.ICCID, MSISDN: wanted.MSISDN, Labels: wanted.Labels, File: fileOf(wanted), Line: lineOf(wanted)}
	} else {
		p.card = Card{Address: memory.Address, Provider: memory.Provider, ICCID: memory.ICCID, MSISDN: memory.MSISDN, Labels: memory.Labels, Leaving: true}
	}
	p.card.Actions, p.card.Attention, p.card.Notes = lists.Actions, lists.Attention, lists.Notes
	p.caps = d.capabilities(p.card.Provider)
}

// address is the card's address, which takes a while to write.
func (p *pair) address() string {
	switch {
	case p.card.Address != "" || p.wanted == nil:
	case p.memory != nil && p.wanted.HasAddress(p.memory.Address):
		p.card.Address = p.memory.Address
	default:
		p.card.Address = p.wanted.Address()
	}
	return p.card.Address
}

// compare says what the card needs.
func (d *differ) compare(p *pair) fate {
	if p.memory != nil {
		p.card.Memory = *p.memory
	}
	switch {
	case d.releases(p):
		p.act(spec.Forget, "", "")
	case slices.Contains(d.dark, p.card.Provider), p.live.Unread == spec.LeftForLater:
		return unread
	case p.wanted == nil && d.in.Fleet.Provider(p.card.Provider) == nil:
		return adrift
	case p.wanted == nil:
		d.leaving(p)
	default:
		d.wanted(p)
		p.settleIn()
	}
	if d.in.RefreshOnly {
		p.card.Actions = p.card.Actions[:0]
	}
	switch {
	case len(p.card.Actions)+len(p.card.Attention) > 0:
		p.fillValues()
		return changing
	case len(p.card.Notes)+len(p.card.Drift) > 0:
		p.fillValues()
		return told
	default:
		return asItIs
	}
}

// releases reports whether the card is named in a removed block.
func (d *differ) releases(p *pair) bool {
	return p.wanted == nil && d.removed[p.card.ICCID] != nil
}

func idOf(wanted *spec.Card, memory *state.Card) spec.CardID {
	if wanted != nil {
		return wanted.ID()
	}
	return memory.ID()
}

// fileOf is where a card is declared: its row's table, or its block's file.
func fileOf(c *spec.Card) string { return cmp.Or(c.Block.CSV(), c.Block.Source.File) }

// lineOf is the line of that file: the card's row, or its block's header.
func lineOf(c *spec.Card) int { return cmp.Or(c.Row, c.Block.Source.Start.Line) }

// wanted compares a declared card.
func (d *differ) wanted(p *pair) {
	if p.live.Unread != "" {
		p.attend("Card could not be read", p.live.Unread+". Nothing is planned for it.")
		return
	}
	d.move(p)
	p.recall()
	p.drift()
	again := d.wantsAgain(p)
	if d.repeat(p) || !again && d.inDoubt(p) || d.against(p) || !p.standing() {
		return
	}
	p.adopt()
	p.asFarAsTold()
	d.binding(p)
	p.active()
	p.packages()
	if again {
		d.sendAgain(p)
	}
	p.sort()
	p.cooldown(d.in.Now)
}

// cooldown says when a card may be changed again, where the carrier wants a
// pause between two changes of one card. apply doesn't send what it would refuse.
func (p *pair) cooldown(now time.Time) {
	if p.memory == nil || p.memory.Changed.IsZero() || !slices.ContainsFunc(p.card.Actions, func(a Action) bool { return a.Kind.CallsCarrier() }) {
		return
	}
	if until := p.memory.Changed.Add(p.caps.Cooldown); now.Before(until) {
		p.note("the carrier takes another change of this card from %s on", until.UTC().Format("2006-01-02 15:04 UTC"))
	}
}

// recall settles what was in doubt, where the reading can, lays changes over
// the reading that the carrier doesn't show yet, and fills in what the carrier
// can't report from memory.
func (p *pair) recall() {
	if p.memory == nil {
		return
	}
	if len(p.memory.Doubts) > 0 {
		after, settled := p.memory.SettleDoubts(p.live, p.caps)
		for _, s := range settled {
			p.note("%s of %s was in doubt; %s", s.Change, s.Since.UTC().Format("2006-01-02 15:04 UTC"), settledText(s))
		}
		p.card.Memory = after
	}
	p.memory = &p.card.Memory
	shown := p.live
	p.underWay = p.memory.UnderWay(p.live)
	p.live = p.memory.Overlay(p.live, p.caps.Settle)
	if shown.Lifecycle != p.live.Lifecycle || len(shown.Packages) != len(p.live.Packages) || shown.IMEI != p.live.IMEI {
		p.note("a change made %s is not shown by the carrier yet", p.memory.Recent[len(p.memory.Recent)-1].At.UTC().Format("at 15:04:05 UTC"))
	}
	if !p.live.Tells(spec.AttrPackages) && p.memory.Last.Tells(spec.AttrPackages) && !p.caps.Reads.Has(spec.AttrPackages) {
		p.live.Packages, p.live.Has = p.memory.Last.Packages, p.live.Has|spec.AttrPackages
	}
}

// repeat plans a call again that was under way when a run ended, where nobody
// can say what became of it but the call itself: it names the device that it
// replaces, so the carrier refuses it if it was done before. What that proves,
// apply decides.
// That is planned only while the call is still what is wanted.
func (d *differ) repeat(p *pair) bool {
	if p.memory == nil || len(p.memory.Doubts) != 1 {
		return false
	}
	doubt := p.memory.Doubts[0]
	if doubt.Ticket != "" && p.caps.AsksAfter(doubt.Kind) {
		p.act(doubt.Kind, doubt.From, doubt.To)
		d.askAfter(p, doubt)
		if !d.asksFor(p, doubt.Change) {
			p.note("by now the configuration doesn't ask for this %s, which may have taken effect; what it asks for is planned once that is known", doubt.Kind)
		}
		return true
	}
	if doubt.Tried || doubt.UnderWay() || doubt.Kind.Attr() != spec.AttrBinding || p.caps.Reads.Has(spec.AttrBinding) || !p.caps.ReplacesByName(doubt.Kind) {
		return false
	}
	if !d.asksFor(p, doubt.Change) || p.live.Lifecycle.Ended() {
		return false
	}
	p.change(doubt.Kind, doubt.From, doubt.To)
	p.note("%s was under way when a run ended at %s; it is sent once more, and the carrier refuses it if the card isn't at that device any more",
		doubt.Change, doubt.Since.UTC().Format("2006-01-02 15:04:05 UTC"))
	return true
}

func settledText(s state.Settled) string {
	if s.Done {
		return "the carrier shows that it was done"
	}
	return "the carrier shows that it had no effect"
}

// inDoubt reports whether a call's outcome is unknown, which leaves the whole
// card alone.
func (d *differ) inDoubt(p *pair) bool {
	if p.memory == nil || len(p.memory.Doubts) == 0 {
		return false
	}
	for _, doubt := range p.memory.Doubts {
		if doubt.UnderWay() {
			d.underWay(p, doubt)
			continue
		}
		against := ""
		if after, wanted := serviceAfter(doubt.Kind), d.service(p); after != spec.Unset && wanted != spec.Unset && after != wanted {
			against = fmt.Sprintf("By now the opposite is wanted, and this %s may still take effect.\n", doubt.Kind)
		}
		p.attend("Outcome in doubt", fmt.Sprintf(
			"%s was sent at %s and its outcome is unknown (%s). The card is left alone until it is known.\n%s%s",
			doubt.Change, doubt.Since.UTC().Format("2006-01-02 15:04:05 UTC"), doubt.Reason, against, p.remedy(doubt)))
	}
	return true
}

// remedy says how a doubt comes to its end.
func (p *pair) remedy(doubt state.Doubt) string {
	unread := !p.caps.Reads.Has(spec.AttrBinding)
	console := fmt.Sprintf("ook at the carrier's console which device the card is bound to, then say so:\ncardfleet resolve %s -bound-to=IMEI (or -unbound)", p.card.ICCID)
	switch {
	case doubt.Kind == spec.Unbind && unread:
		return "A plan settles it once the carrier shows the card as closing or closed. Where it never does, l" + console
	case doubt.Likely() && unread:
		return "L" + console + "\nTo take this and all of its kind for done, after a look at their list:\ncardfleet resolve -likely"
	case doubt.Kind.Attr() == spec.AttrBinding && unread:
		return "L" + console
	}
	resolve := "what it shows now is taken for true by:\ncardfleet resolve " + string(p.card.ICCID)
	settle := p.caps.SettleOf(doubt.Kind)
	switch {
	case doubt.UnderWay():
		return "A plan settles it once the carrier shows it. Where it never does, look at the carrier's console; " + resolve
	case doubt.Waits:
		return "It stays in doubt until it is paid, and the carrier shows it. Once it is cancelled, " + resolve
	case doubt.CarrierSince.IsZero() && p.live.Known() && p.live.CarrierAt.IsZero() && doubt.Kind.SetsState():
		return fmt.Sprintf("This carrier tells no time, so a plan settles it by what the carrier shows from %s on; %s",
			doubt.LongAgo(settle).UTC().Format("2006-01-02 15:04:05 UTC"), resolve)
	case doubt.CarrierSince.IsZero() && p.live.Known() && p.live.CarrierAt.IsZero():
		return fmt.Sprintf("This carrier tells no time, so a plan settles it by what the carrier shows %s or more after the run began; %s", settle, resolve)
	case doubt.CarrierSince.IsZero():
		return fmt.Sprintf("A plan settles it by what the carrier shows, once an apply has noted the carrier's clock and %s have passed by it; %s", settle, resolve)
	}
	return fmt.Sprintf("A plan settles it by what the carrier shows from %s on, by its own clock; %s",
		doubt.CarrierSince.Add(settle).UTC().Format("15:04:05 UTC"), resolve)
}

// asFarAsTold says that the card's device is known by a refusal alone.
func (p *pair) asFarAsTold() {
	if p.memory != nil && p.memory.Binding.AsFarAsTold && !p.live.Tells(spec.AttrBinding) {
		p.note("bound to %s as far as the carrier tells: the answer to the change was lost, and a second one was refused", p.memory.Binding.IMEI)
	}
}

// standing reports whether the card's place in its life allows anything at
// all, and says why where it doesn't.
func (p *pair) standing() bool {
	l := p.live.Lifecycle
	switch {
	case l == spec.NotFound:
		p.attend("Card not found", fmt.Sprintf(
			"The carrier has no card %s%s. Check the ICCID and the account; to stop managing it, take it out and name it in a removed block.", p.card.ICCID, p.words()))
	case l.Ended() && p.wanted.Bound == spec.Off && l != spec.Transferred:
		return true // as wanted: an unbind closes the card
	case l.Ended():
		p.attend("Card is "+string(l), fmt.Sprintf(
			"The carrier reports it as %s%s, which nothing here can undo. Take it out of the configuration and name it in a removed block.", l, p.words()))
	case l == spec.UnknownLifecycle:
		p.attend("Unknown card status", fmt.Sprintf(
			"The carrier reports %q, a status that this version doesn't know, so nothing is planned for the card.", p.live.Status))
	default:
		return true
	}
	return false
}

// words is the carrier's own status in brackets, where it gave one.
func (p *pair) words() string {
	if p.live.Status == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", p.live.Status)
}

// adopt takes a card that is new to the state under management.
func (p *pair) adopt() {
	if p.memory != nil {
		return
	}
	p.card.Memory = state.Card{
		Provider: p.card.Provider, ICCID: p.card.ICCID, Address: p.address(),
		PreventUnbind: p.wanted.PreventUnbind, MSISDN: p.wanted.MSISDN, Labels: p.wanted.Labels,
	}
	p.card.Memory.TakeReading(p.live)
	p.act(spec.Adopt, "", "")
}

// active compares whether the card is in service.
func (p *pair) active() {
	if !p.wanted.Wants().Has(spec.AttrActive) || p.live.Lifecycle == "" || p.live.Lifecycle.Ended() {
		return
	}
	is := p.live.Lifecycle.InService()
	switch {
	case is == p.wanted.Active:
	case p.wanted.Active == spec.On:
		p.intoService()
	case is == spec.On:
		p.change(spec.Stop, "", "")
	case p.live.Lifecycle == spec.Dormant:
		p.blocked("active = false")
	}
}

func (p *pair) intoService() {
	switch p.live.Lifecycle {
	case spec.SuspendedByOwner:
		p.change(spec.Resume, "", "")
	case spec.SuspendedByCarrier:
		if p.live.ForDevice && p.caps.ResumesForDevice && p.atItsDevice() {
			if p.inAnotherDevice() {
				return
			}
			p.change(spec.Resume, "", "")
			p.note("the carrier stopped it for its device (%s): the resume puts it back into service in whatever device it is, so be sure that this is %s",
				cmp.Or(p.live.Reason, p.live.Status), p.wanted.IMEI)
			return
		}
		p.stoppedByCarrier()
	default:
		p.blocked("active = true")
	}
}

// inAnotherDevice reports whether a card that is stopped for its device is used in
// another one than is wanted, and says so: a resume would fail, or not last.
func (p *pair) inAnotherDevice() bool {
	if p.live.Observed == "" || p.live.Observed.Same(p.wanted.IMEI) {
		return false
	}
	p.attend("Another device is in use", fmt.Sprintf(
		"The carrier stopped this card for its device (%s): the configuration says device %s, and it is used in device %s. A resume is not planned: put the card into its device, or declare the one that it is in.",
		cmp.Or(p.live.Reason, p.live.Status), p.wanted.IMEI, p.live.Observed))
	return true
}

// atItsDevice reports whether the card is bound to the wanted device, or is
// being bound to it.
func (p *pair) atItsDevice() bool {
	bound := p.currentBinding()
	if !bound.Known {
		bound = p.card.Memory.Binding
	}
	changes := slices.ContainsFunc(p.card.Actions, func(a Action) bool { return a.Kind == spec.ChangeBind })
	return p.wanted.IMEI != "" && (changes || bound.Known && bound.IMEI.Same(p.wanted.IMEI))
}

func (p *pair) stoppedByCarrier() {
	way := "settle the cause with the carrier first."
	if p.live.ForDevice && p.caps.ResumesForDevice {
		way = "it is stopped for its device. Declare as imei the device that it is to be in: once it is bound to that, a resume is planned."
	}
	p.attend("Stopped by the carrier", fmt.Sprintf(
		"The carrier stopped this card: %s. A resume is not planned: %s", cmp.Or(p.live.Reason, p.live.Status, "it gives no reason"), way))
}

// blocked says that the card's place in its life stands in the way, and what
// would take it further. A dormant card was activated long ago.
func (p *pair) blocked(wanted string) {
	way := "No call can change that; it follows once the card is activated."
	if p.live.Lifecycle == spec.Dormant {
		way = "It was activated, and sleeps since nothing has used it for long; activating it again is not the way. " +
			"No call here wakes it: use it in its device, or ask the carrier to wake it or how long it may sleep, then plan again."
	}
	p.attend("Card is "+string(p.live.Lifecycle), fmt.Sprintf(
		"The configuration wants %s, but the carrier reports the card as %s%s. %s", wanted, p.live.Lifecycle, p.words(), way))
}

// packages compares what the card is subscribed to.
func (p *pair) packages() {
	if !p.wanted.Wants().Has(spec.AttrPackages) || !p.live.Tells(spec.AttrPackages) || p.live.Lifecycle.Ended() {
		return
	}
	if p.caps.OnePackage && len(p.wanted.Packages) != 1 {
		p.onePackage()
		return
	}
	for _, id := range p.wanted.Packages {
		if !p.live.HasPackage(id) {
			if p.notYetActivated() {
				p.blocked(fmt.Sprintf("package %s", id))
				break
			}
			p.change(spec.Subscribe, "", id)
		}
	}
	for _, pkg := range p.live.Packages {
		if slices.Contains(p.wanted.Packages, pkg.ID) || p.caps.OnePackage {
			continue
		}
		if p.caps.CanChange(spec.Unsubscribe) {
			p.act(spec.Unsubscribe, pkg.ID, "")
			continue
		}
		p.note("%s", surplus(pkg))
	}
}

// onePackage says that a card of this carrier has exactly one package.
func (p *pair) onePackage() {
	if len(p.wanted.Packages) == 0 && len(p.live.Packages) == 0 {
		return
	}
	p.attend("One package a card", fmt.Sprintf(
		"At provider %s a card has exactly one package, and the configuration names %s. Name the one that it is to have.",
		p.card.Provider, spec.Count(len(p.wanted.Packages), "package")))
}

func surplus(pkg spec.Package) string {
	until := "the carrier doesn't say until when"
	if !pkg.Expires.IsZero() {
		until = "it runs out on " + pkg.Expires.Format("2006-01-02")
	}
	return fmt.Sprintf("package %s is not wanted, and this carrier can't unsubscribe; %s", strings.TrimSpace(pkg.ID+" "+pkg.Name), until)
}

func (p *pair) notYetActivated() bool {
	switch p.live.Lifecycle {
	case spec.Pending, spec.Inventory:
		return true
	default:
		return false
	}
}

// leaving compares a card that is in the state, no longer declared, and not
// named in a removed block.
func (d *differ) leaving(p *pair) {
	if p.live.Unread != "" {
		p.attend("Card could not be read", "It left the configuration, and could not be read: "+p.live.Unread+". Nothing is planned for it.")
		return
	}
	p.recall()
	again := d.wantsAgain(p)
	if d.repeat(p) || !again && d.inDoubt(p) || d.against(p) {
		return
	}
	d.remove(p)
	if again {
		d.sendAgain(p)
	}
}

// remove does with a card that left the configuration what the policy says.
func (d *differ) remove(p *pair) {
	bound := p.currentBinding()
	switch d.in.Fleet.Policy.OnRemove {
	case spec.Forget:
		p.act(spec.Forget, "", "")
	case spec.Stop:
		if p.live.Lifecycle.InService() == spec.On {
			p.change(spec.Stop, "", "")
			return
		}
		p.act(spec.Forget, "", "")
	default:
		if p.live.Lifecycle.Gone() || !bound.Known || bound.IMEI == "" {
			p.act(spec.Forget, "", "")
			return
		}
		d.unbind(p, bound.IMEI)
	}
}

// fillValues says what the card's values are, and what they will be.
func (p *pair) fillValues() {
	before := Values{Active: p.live.Lifecycle.InService(), Status: p.live.Status, Lifecycle: p.live.Lifecycle}
	if bound := p.currentBinding(); bound.Known {
		before.Binding = state.BoundTo(bound.IMEI) // whatever it is known by
	}
	if p.live.Tells(spec.AttrPackages) {
		before.Packages = make([]string, 0, len(p.live.Packages))
		for _, pkg := range p.live.Packages {
			before.Packages = append(before.Packages, pkg.ID)
		}
	}
	p.card.Before, p.card.After = before, before.afterIn(&p.laid, p.card.Actions)
}

func (p *pair) act(kind spec.Kind, from, to string) {
	p.card.Actions = append(p.card.Actions, Action{Change: p.caps.Change(kind, from, to)})
	if bill := p.caps.Bills[kind]; bill != "" {
		p.note("%s: %s", kind, bill)
	}
}

// change plans a change that the carrier makes, or asks a person to make it
// where the provider can't.
func (p *pair) change(kind spec.Kind, from, to string) {
	if p.caps.CanChange(kind) {
		p.act(kind, from, to)
		return
	}
	p.attend("Difference can't be changed here", fmt.Sprintf(
		"The configuration asks for %s, which provider %s can read but not change. Change it at the carrier, or in the configuration.",
		spec.Change{Kind: kind, From: from, To: to}, p.card.Provider))
}

func (p *pair) attend(summary, detail string) {
	p.card.Attention = append(p.card.Attention, Note{Summary: summary, Detail: detail})
}

func (p *pair) note(format string, args ...any) {
	p.card.Notes = append(p.card.Notes, fmt.Sprintf(format, args...))
}

// sort puts the card's actions in the order in which they run. A card that was
// stopped for its device gets the device before it is resumed.
func (p *pair) sort() {
	first := func(a Action) bool { return p.live.ForDevice && (a.Kind == spec.ChangeBind || a.Kind == spec.Adopt) }
	slices.SortStableFunc(p.card.Actions, func(a, b Action) int {
		switch {
		case first(a) == first(b):
			return a.Kind.CompareTurn(b.Kind)
		case first(a):
			return -1
		default:
			return 1
		}
	})
}
