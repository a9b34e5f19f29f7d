package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/cardfleet/cardfleet/spec"
)

// sortCards puts the cards in the order of their ICCIDs. It sorts numbers
// that stand for cards, which are too big to be moved often and too many to be
// looked up for each comparison.
func sortCards(cards []spec.Card) {
	if inOrder(cards) {
		return
	}
	order := make([]cardPlace, len(cards))
	for i := range cards {
		order[i] = cardPlace{card: int32(i), number: leadingDigits(cards[i].ICCID)}
	}
	slices.SortFunc(order, func(a, b cardPlace) int {
		if c := cmp.Compare(a.number, b.number); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(cards[a.card].ICCID, cards[b.card].ICCID), cmp.Compare(a.card, b.card))
	})
	arrange(cards, order)
}

func inOrder(cards []spec.Card) bool {
	for i := 1; i < len(cards); i++ {
		if cards[i-1].ICCID > cards[i].ICCID {
			return false
		}
	}
	return true
}

// cardPlace is a card's place among the others, small enough for a million.
type cardPlace struct {
	card   int32
	number uint64 // what leads the ICCID
}

// leadingDigits is the number that 16 of an ICCID's characters write, those
// after the 89 that all begin with. Its order is theirs.
func leadingDigits(iccid spec.ICCID) uint64 {
	n, _ := strconv.ParseUint(string(iccid[2:18]), 16, 64) // an ICCID has 19 or 20 characters, all of them such digits
	return n
}

// arrange puts the cards in an order, which it uses up, without room for a second list of them.
func arrange(cards []spec.Card, order []cardPlace) {
	for i := range order {
		first, at := cards[i], i
		for from := int(order[at].card); from != i; from = int(order[at].card) {
			cards[at], order[at].card = cards[from], int32(at)
			at = from
		}
		cards[at], order[at].card = first, int32(at)
	}
}

// declaredCards are all that have an ICCID, in the order of these: those of the
// fleet, and those that have mistakes.
func (l *loader) declaredCards() []spec.Card {
	if len(l.mistaken) == 0 {
		return l.fleet.Cards
	}
	all := slices.Concat(l.fleet.Cards, l.mistaken)
	sortCards(all)
	return all
}

// checkIdentities reports cards that are one card, and devices in two cards.
func (l *loader) checkIdentities() {
	var again repeatsByBlock
	cards := l.declaredCards()
	for i := 1; i < len(cards); i++ {
		a, b := inSource(&cards[i-1], &cards[i])
		if a.ICCID == b.ICCID && !l.lost[a.Block] && !l.lost[b.Block] { // lost digits make one number of many, and that was said
			remedy := "A card is declared once: delete one of the two."
			if a.Provider != b.Provider && a.Provider != "" && b.Provider != "" {
				remedy = fmt.Sprintf("It is one card, at whatever provider block (%s, %s): delete one of the two.", a.Provider, b.Provider)
			}
			l.clash(&again, a, b, "iccid", "Duplicate ICCID", standsTwice("The ICCID "+string(b.ICCID), remedy))
		}
	}
	l.checkSpellings(cards, &again)
	for _, pair := range sharedDevices(cards) {
		a, b := inSource(pair[0], pair[1])
		l.clash(&again, a, b, "imei", "Duplicate IMEI", oneDevice(a.IMEI, b.IMEI))
	}
	for _, pair := range sharedNumbers(cards) {
		a, b := inSource(pair[0], pair[1])
		l.clash(&again, a, b, "msisdn", "Duplicate MSISDN", standsTwice("The MSISDN "+b.MSISDN, "A number is one card's: correct one of the two, or omit it."))
	}
	again.report()
}

// checkSpellings warns of cards that may be one card, with and without its check
// digit. In the order of ICCIDs, those of 20 characters follow their own 19.
func (l *loader) checkSpellings(cards []spec.Card, again *repeatsByBlock) {
	bare := -1 // the last card of 19 characters
	for i := range cards {
		if len(cards[i].ICCID) == 19 {
			bare = i
			continue
		}
		if bare < 0 || !cards[bare].ICCID.SameCard(cards[i].ICCID) {
			continue
		}
		a, b := inSource(&cards[bare], &cards[i])
		again.of(b.Block).add(l.report, "Perhaps one card twice", func() spec.Diagnostic {
			at := l.placeOf(b, "iccid")
			return spec.Diagnostic{
				Severity: spec.Warning, Summary: "Perhaps one card twice", Address: b.Address(), Subject: &at, Snippet: l.cardSnippet(b, at),
				Detail: "The ICCIDs " + string(a.ICCID) + " in " + l.describePlace(a, "iccid") + " and " + string(b.ICCID) + " in " + l.describePlace(b, "iccid") +
					" agree in 19 characters: they may be one card, whose check digit is left out in one of the two. If so, delete one of them.",
			}
		})
	}
}

// inSource puts two cards in the order of the source: the later one is at fault.
func inSource(a, b *spec.Card) (first, second *spec.Card) {
	order := cmp.Or(
		cmp.Compare(a.Block.Source.File, b.Block.Source.File),
		cmp.Compare(a.Block.Source.Start.Byte, b.Block.Source.Start.Byte),
		cmp.Compare(a.Row, b.Row),
		cmp.Compare(a.Key, b.Key),
	)
	if order > 0 {
		return b, a
	}
	return a, b
}

// digitsOf is a card's place among those that say such digits.
type digitsOf struct {
	number uint64
	card   int
}

// sharedDevices are the pairs of cards that want one device and don't both say that they share it.
func sharedDevices(cards []spec.Card) [][2]*spec.Card {
	return alike(cards, func(c *spec.Card) string { return c.IMEI.Device() }, func(a, b *spec.Card) bool { return !a.SharedIMEI || !b.SharedIMEI })
}

// sharedNumbers are the pairs of cards that are declared with one number.
func sharedNumbers(cards []spec.Card) [][2]*spec.Card {
	return alike(cards, func(c *spec.Card) string { return c.MSISDN }, func(*spec.Card, *spec.Card) bool { return true })
}

// alike are the pairs of cards that say the same digits, and must not; "" says none.
func alike(cards []spec.Card, digits func(*spec.Card) string, mustNot func(a, b *spec.Card) bool) [][2]*spec.Card {
	var said []digitsOf
	for i := range cards {
		if text := digits(&cards[i]); text != "" {
			if said == nil { // most fleets declare no numbers, and need no room for them
				said = make([]digitsOf, 0, len(cards)-i)
			}
			n, _ := strconv.ParseUint(text, 10, 64) // 16 digits at most
			said = append(said, digitsOf{n, i})
		}
	}
	slices.SortFunc(said, func(a, b digitsOf) int { return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.card, b.card)) })
	var pairs [][2]*spec.Card
	for i := 1; i < len(said); i++ {
		a, b := &cards[said[i-1].card], &cards[said[i].card]
		if said[i-1].number == said[i].number && a.ICCID != b.ICCID && mustNot(a, b) {
			pairs = append(pairs, [2]*spec.Card{a, b})
		}
	}
	return pairs
}

// repeatsByBlock counts clashes by the block of the later card.
type repeatsByBlock struct {
	blocks map[*spec.Block]*repeats
}

func (s *repeatsByBlock) of(b *spec.Block) *repeats {
	if s.blocks == nil {
		s.blocks = map[*spec.Block]*repeats{}
	}
	if s.blocks[b] == nil {
		s.blocks[b] = &repeats{}
	}
	return s.blocks[b]
}

func (s *repeatsByBlock) report() {
	for _, r := range s.blocks {
		r.report()
	}
}

// clash reports two cards that say the same where they must differ. detail is told
// where each of the two says it.
func (l *loader) clash(again *repeatsByBlock, first, second *spec.Card, attr, summary string, detail func(first, second string) string) {
	again.of(second.Block).add(l.report, summary, func() spec.Diagnostic {
		at := l.placeOf(second, attr)
		return spec.Diagnostic{
			Summary: summary, Address: second.Address(), Subject: &at, Snippet: l.cardSnippet(second, at),
			Detail: detail(l.describePlace(first, attr), l.describePlace(second, attr)),
		}
	})
}

func standsTwice(what, remedy string) func(first, second string) string {
	return func(first, second string) string {
		return what + " stands twice: in " + second + ", and in " + first + ". " + remedy
	}
}

// oneDevice says that two IMEIs are one device's, also where their last digits differ.
func oneDevice(a, b spec.IMEI) func(first, second string) string {
	const remedy = "A device is bound to one card. Correct one of the two, or write shared_imei = true in both where the device carries both cards."
	if a == b {
		return standsTwice("The IMEI "+string(b), remedy)
	}
	return func(first, second string) string {
		return "The IMEIs " + string(b) + " in " + second + " and " + string(a) + " in " + first + " name one device: the first 14 digits are the device's, " +
			b.Device() + " in both. " + remedy
	}
}

// placeOf is where a card says attr: in its CSV row where it has one.
func (l *loader) placeOf(c *spec.Card, attr string) spec.Range {
	if f := l.csvFiles[c.Block]; f != nil {
		column := -1
		if i, ok := f.index[attr]; ok {
			column = i
		}
		if at, ok := f.place(l.report, c.Row, column); ok {
			return at
		}
	}
	return c.Place(attr)
}

func (l *loader) cardSnippet(c *spec.Card, at spec.Range) *spec.Snippet {
	src := l.report.sources[at.File]
	if src == nil {
		return nil
	}
	s := src.snippet(at)
	if s != nil && s.Context == "" {
		s.Context = blockTitle("card", []string{c.Block.Name})
	}
	return s
}

// describePlace is a card and its place in a sentence: card.bike (main.fleet.hcl line 3).
func (l *loader) describePlace(c *spec.Card, attr string) string {
	if f := l.csvFiles[c.Block]; f != nil {
		return c.Address() + " (" + f.rowName(c.Row) + ")"
	}
	at := c.Place(attr)
	return c.Address() + " (" + at.File + " line " + strconv.Itoa(at.Start.Line) + ")"
}
