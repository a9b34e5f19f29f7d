package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
	"github.com/cardfleet/cardfleet/spec/config/expr"
)

// loadApprovals reads the approval blocks.
func (l *loader) loadApprovals() {
	for _, b := range l.unique("approval") {
		mistakes := len(l.report.list)
		content, diags := b.Body.Content(approvalSchema())
		l.report.HCL(diags)
		s := settings{loader: l, attributes: content.Attributes, shows: true, written: true}
		a := spec.Approval{Name: b.Labels[0], Source: *rangeOf(b.DefRange)}
		a.Action = s.kind("action", spec.CarrierKinds())
		a.Cards = l.cardsApproved(s, b)
		a.Reason, _ = s.text("reason")
		a.Expires = l.expiry(s)
		for _, name := range []string{"action", "cards", "from_csv"} {
			s.refuseNull(name)
		}
		if len(l.report.list) == mistakes && saysNothing(a.Reason) {
			l.report.warnAt(b.DefRange, "Approval without a reason", `The approval says no reason, which the plan shows to whoever reviews it, and the history keeps. Write why, such as reason = "returned devices, ticket RMA-2026-11".`)
		}
		l.fleet.Approvals = append(l.fleet.Approvals, a)
	}
}

// saysNothing reports a reason that is blank, or as the plan's block to add has it.
func saysNothing(reason string) bool { return strings.Trim(reason, " \t\n…") == "" }

// namedCards are cards that were named, by their ICCIDs without a check digit.
type namedCards map[spec.ICCID][]spec.ICCID

// add names a card, and returns the same ICCID where it was named before, or else the
// first one that may be the card in another spelling; "" for none.
func (n namedCards) add(iccid spec.ICCID) (before spec.ICCID) {
	stem := iccid.Stem()
	if slices.Contains(n[stem], iccid) {
		return iccid
	}
	if i := slices.IndexFunc(n[stem], iccid.SameCard); i >= 0 {
		before = n[stem][i]
	}
	n[stem] = append(n[stem], iccid)
	return before
}

// cardsApproved are the cards of an approval block, by ICCID: those written in
// it, or those of its table.
func (l *loader) cardsApproved(s settings, b *hcl.Block) []spec.ApprovedCard {
	cards, table := s.attributes["cards"], s.attributes["from_csv"]
	switch {
	case cards != nil && table != nil:
		l.report.ErrorAt(table.NameRange, "Contradiction", "An approval names its cards in cards, or in the table of from_csv. Delete one of the two.")
	case cards != nil:
		return l.approvedCards(s)
	case table != nil:
		return l.approvedRows(s, b)
	default:
		l.report.ErrorAt(b.DefRange, "No cards", `An approval names each card and the device that it is unbound from: cards = { "8986…" = "8615…" }, or from_csv = "rma.csv" with the columns iccid and imei.`)
	}
	return nil
}

// expiry is when the block's approval ends: a year ahead at most.
func (l *loader) expiry(s settings) time.Time {
	t, ok := s.time("expires")
	if !ok || l.Now == nil {
		return t
	}
	if latest := l.Now().UTC().AddDate(1, 0, 0); t.After(latest) {
		s.wrong("expires", "Too far ahead", "An approval lasts a year at most, so it can expire on %s at the latest. Write an earlier time; without expires it holds until the block is deleted.", latest.Format(time.RFC3339))
	}
	return t
}

// time is an RFC 3339 time.
func (s settings) time(name string) (time.Time, bool) {
	text, ok := s.text(name)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		s.wrong(name, "Invalid time", `%q is no time. Write one with its zone, such as "2026-12-01T00:00:00Z" or "2026-12-01T08:00:00+08:00".`, text)
		return time.Time{}, false
	}
	return t, true
}

// approvedCards reads the map from ICCID to the IMEI that it may be unbound from.
func (l *loader) approvedCards(s settings) []spec.ApprovedCard {
	if !s.noNumbers("cards", "An IMEI") {
		return nil
	}
	v, ok := s.convert("cards", cty.Map(cty.String))
	if !ok {
		return nil
	}
	var cards []spec.ApprovedCard
	seen := namedCards{}
	values := v.AsValueMap()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		card, ok := l.approvedCard(s, key, values[key])
		if !ok {
			continue
		}
		switch first := seen.add(card.ICCID); {
		case first == card.ICCID:
			s.wrong("cards", "Duplicate ICCID", "The ICCID %s stands twice in cards. Delete one of the two.", card.ICCID)
			continue
		case first != "":
			l.report.warnAt(s.attributes["cards"].Expr.Range(), "Perhaps one card twice", "The ICCIDs %s and %s "+perhapsOne, first, card.ICCID)
		}
		cards = append(cards, card)
	}
	slices.SortFunc(cards, func(a, b spec.ApprovedCard) int { return compareStrings(a.ICCID, b.ICCID) })
	return cards
}

// perhapsOne says of two ICCIDs why both may be one card's, and what to do.
const perhapsOne = "agree in 19 characters: they may be one card, whose check digit is left out in one of the two. If so, delete one of them."

func (l *loader) approvedCard(s settings, key string, v cty.Value) (spec.ApprovedCard, bool) {
	iccid, err := spec.ParseICCID(key)
	if err != nil {
		s.wrong("cards", "Invalid ICCID", "%s.", spec.Capital(err.Error()))
	}
	if v.IsNull() {
		s.wrong("cards", "Invalid IMEI", "The card %s has null for its device. An approval names the device that the card is unbound from.", key)
		return spec.ApprovedCard{}, false
	}
	imei, imeiErr := spec.ParseIMEI(v.AsString())
	if imeiErr != nil {
		s.wrong("cards", "Invalid IMEI", "%s (of the card %s).", spec.Capital(imeiErr.Error()), key)
	}
	return spec.ApprovedCard{ICCID: iccid, IMEI: imei}, err == nil && imeiErr == nil
}

// loadRemoved reads the removed blocks. A card that is declared as well would
// be forgotten and adopted in turn.
func (l *loader) loadRemoved() {
	seen, at := namedCards{}, map[spec.ICCID]hcl.Range{}
	for _, b := range l.blocks["removed"] {
		content, diags := b.Body.Content(removedSchema())
		l.report.HCL(diags)
		s := settings{loader: l, attributes: content.Attributes, shows: true}
		if !s.noNumbers("iccids", "An ICCID") {
			continue
		}
		list, ok := s.texts("iccids")
		if !ok {
			s.refuseNull("iccids")
		}
		places := elementPlaces(content.Attributes["iccids"])
		for i, text := range list {
			here := places(i)
			iccid, err := spec.ParseICCID(text)
			if err != nil {
				l.report.ErrorAt(here, "Invalid ICCID", "%s.", spec.Capital(err.Error()))
				continue
			}
			l.checkRemoved(iccid, here)
			first := seen.add(iccid)
			if first != "" {
				l.warnRemovedTwice(first, iccid, at[first], here)
			}
			if first != iccid {
				at[iccid] = here
				l.fleet.Removed = append(l.fleet.Removed, spec.Removed{ICCID: iccid, Source: *rangeOf(here)})
			}
		}
	}
}

// warnRemovedTwice warns of a card that is removed twice, which does no harm.
func (l *loader) warnRemovedTwice(first, iccid spec.ICCID, there, here hcl.Range) {
	if first == iccid {
		l.report.warnAt(here, "Card is removed twice", "%s is removed here and at %s. Delete one of the two.", iccid, expr.Place(there))
		return
	}
	l.report.warnAt(here, "Perhaps one card twice", "The ICCIDs %s, removed at %s, and %s "+perhapsOne, first, expr.Place(there), iccid)
}

func (l *loader) checkRemoved(iccid spec.ICCID, at hcl.Range) {
	for _, c := range l.cardsByStem()[iccid.Stem()] {
		if !c.ICCID.SameCard(iccid) {
			continue
		}
		spelled := "declared"
		if c.ICCID != iccid {
			spelled = "declared in another spelling, " + string(c.ICCID) + ","
		}
		l.report.ErrorAt(at, "Removed card is declared", "%s is removed here and %s as %s. Delete it from one of the two.",
			iccid, spelled, l.describePlace(c, "iccid"))
	}
}

// cardsByStem finds cards whatever their provider is, by their ICCIDs without a
// check digit.
func (l *loader) cardsByStem() map[spec.ICCID][]*spec.Card {
	if l.byStem == nil {
		cards := l.declaredCards()
		l.byStem = make(map[spec.ICCID][]*spec.Card, len(cards))
		for i := range cards {
			c := &cards[i]
			l.byStem[c.ICCID.Stem()] = append(l.byStem[c.ICCID.Stem()], c)
		}
	}
	return l.byStem
}

// elementPlaces is where each element of a list is written, or the whole list.
func elementPlaces(list *hcl.Attribute) func(i int) hcl.Range {
	if list == nil {
		return nil // of no elements
	}
	elements, diags := hcl.ExprList(list.Expr)
	return func(i int) hcl.Range {
		if diags.HasErrors() || i >= len(elements) {
			return list.Expr.Range()
		}
		return elements[i].Range()
	}
}
