package config

import (
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/cardfleet/cardfleet/spec"
)

// loadApprovals reads the approval blocks.
func (l *loader) loadApprovals() {
	for _, b := range l.unique("approval") {
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
		l.fleet.Approvals = append(l.fleet.Approvals, a)
	}
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
	seen := map[spec.ICCID]bool{}
	values := v.AsValueMap()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		card, ok := l.approvedCard(s, key, values[key])
		if !ok {
			continue
		}
		if seen[card.ICCID] {
			s.wrong("cards", "Duplicate ICCID", "The ICCID %s stands twice in cards. Delete one of the two.", card.ICCID)
			continue
		}
		seen[card.ICCID] = true
		cards = append(cards, card)
	}
	slices.SortFunc(cards, func(a, b spec.ApprovedCard) int { return compareStrings(a.ICCID, b.ICCID) })
	return cards
}

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
	seen := map[spec.ICCID]bool{}
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
			at := places(i)
			iccid, err := spec.ParseICCID(text)
			if err != nil {
				l.report.ErrorAt(at, "Invalid ICCID", "%s.", spec.Capital(err.Error()))
				continue
			}
			l.checkRemoved(iccid, at)
			if !seen[iccid] {
				l.fleet.Removed = append(l.fleet.Removed, spec.Removed{ICCID: iccid, Source: *rangeOf(at)})
			}
			seen[iccid] = true
		}
	}
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
