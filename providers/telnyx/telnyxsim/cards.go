package telnyxsim

import (
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// do carries a call out.
func (s *Telnyx) do(q *request) (answer object, changed bool, no *refusal) {
	switch q.action {
	case "sim_cards":
		return s.list(q), false, nil
	case "sim_card_actions":
		return s.actions(q), false, nil
	}
	card, ok := s.World.Card(q.iccid)
	if !ok || !card.OwnedBy(q.account) {
		return nil, false, noCard()
	}
	switch q.action {
	case "sim_card":
		return object{"data": s.whole(&card)}, false, nil
	case "sim_card_action":
		if q.serial > len(card.Jobs) {
			return nil, false, noCard()
		}
		return object{"data": s.actionOf(&card, q.serial)}, false, nil
	case "update":
		return s.change(q, s.patch)
	case "delete":
		return s.change(q, func(_ *request, c *carriersim.Card) *refusal { c.Status = spec.Closed; return nil })
	default:
		return s.begin(q, endCompleted)
	}
}

// list is a page of the cards that fit.
func (s *Telnyx) list(q *request) object {
	var found []spec.ICCID
	for _, iccid := range s.candidates(q) {
		if c, ok := s.World.Card(iccid); ok && c.OwnedBy(q.account) && s.fits(q, &c) {
			found = append(found, iccid)
		}
	}
	rows, meta := pageOf(q, found)
	data := []object{}
	for _, iccid := range rows {
		c, _ := s.World.Card(iccid)
		data = append(data, s.simple(&c))
	}
	return object{"data": data, "meta": meta}
}

// pageOf is the page that is asked for, and what is said of it.
func pageOf[T any](q *request, all []T) ([]T, object) {
	number, size := q.number("page[number]", 1), q.number("page[size]", usualPage)
	from := min((number-1)*size, len(all))
	return all[from:min(from+size, len(all))], object{
		"page_number": number, "page_size": size, "total_pages": (len(all) + size - 1) / size, "total_results": len(all),
	}
}

// candidates are the cards that a list may have: of a whole ICCID those that can
// have it in theirs, so that a fleet is looked up without looking at each card each
// time. A card of 20 digits has one of 19 in it.
func (s *Telnyx) candidates(q *request) []spec.ICCID {
	if q.iccid == "" {
		return s.holds(q.account)
	}
	iccids := []spec.ICCID{q.iccid}
	if len(q.iccid) < 20 && !s.World.Open {
		for _, digit := range "0123456789ABCDEF" {
			iccids = append(iccids, q.iccid+spec.ICCID(digit))
		}
	}
	return iccids
}

// fits reports whether a card fits each filter. ICCIDs match in part.
func (s *Telnyx) fits(q *request, c *carriersim.Card) bool {
	for name := range q.query {
		wanted := q.query.Get(name)
		fit := true
		switch name {
		case "filter[iccid]":
			fit = strings.Contains(string(c.ICCID), strings.ToUpper(wanted))
		case "filter[msisdn]":
			fit = strings.Contains(c.MSISDN, wanted)
		case "filter[status]":
			fit = slices.Contains(strings.Split(wanted, ","), s.status(c))
		case "filter[tags]":
			has := tags(c)
			for tag := range strings.SplitSeq(wanted, ",") {
				fit = fit && slices.Contains(has, tag)
			}
		case "filter[sim_card_group_id]":
			fit = group(c) == wanted
		}
		if !fit {
			return false
		}
	}
	return true
}

// whole is a card as it is read by itself.
func (s *Telnyx) whole(c *carriersim.Card) object {
	card := s.simple(c)
	session := "disconnected"
	if shown := s.shown(c); shown.Status == spec.Active && shown.Seen() != "" {
		session = "connected"
	}
	card["live_data_session"], card["ipv4"], card["ipv6"] = session, nil, nil
	if device := c.Seen(); device != "" {
		card["current_imei"] = string(device)
	}
	return card
}

// shown is the card as readings show it: a change may take its time.
func (s *Telnyx) shown(c *carriersim.Card) *carriersim.Card {
	if shown, ok := s.World.Read(c.ICCID); ok {
		return &shown
	}
	return c
}

// simple is a card as a row of the list ([TYPES] SimpleSimCard), which lacks the
// device in use and the session.
func (s *Telnyx) simple(c *carriersim.Card) object {
	shown := s.shown(c)
	card := object{
		"id": idOf(c.ICCID, 0), "record_type": "sim_card", "iccid": string(c.ICCID), "imsi": "31170" + c.IMSI()[5:], "msisdn": c.MSISDN,
		"type": "physical", "eid": nil, "esim_installation_status": nil, "version": "4.1", "voice_enabled": false,
		"status":                             reasoned(s.status(c)),
		"authorized_imeis":                   devices(shown),
		"sim_card_group_id":                  nil,
		"tags":                               tags(c),
		"actions_in_progress":                s.underWay(c),
		"created_at":                         firstTime,
		"updated_at":                         firstTime,
		"resources_with_in_progress_actions": []object{},
	}
	if g := group(c); g != "" {
		card["sim_card_group_id"] = g
	}
	if at := c.More["updated_at"]; at != "" {
		card["updated_at"] = at
	}
	if limit := c.More["data_limit"]; limit != "" {
		amount, unit, _ := strings.Cut(limit, " ")
		card["data_limit"] = object{"amount": amount, "unit": unit}
	}
	return card
}

// Times are ISO 8601, in UTC.
const firstTime = "2026-01-01T00:00:00Z"

func stamp(t time.Time) string {
	if t.IsZero() {
		return firstTime
	}
	return t.UTC().Format(time.RFC3339)
}

// reasoned is a status with its reason, whose words are in no document.
func reasoned(value string) object {
	reason := "The SIM card is " + strings.ReplaceAll(value, "_", " ") + "."
	switch value {
	case "unauthorized_imei":
		reason = "The SIM card is in a device whose IMEI is not authorized."
	case "data_limit_exceeded":
		reason = "The SIM card has exceeded its data limit."
	}
	return object{"value": value, "reason": reason}
}

// status is what readings show ([TYPES] SimCardStatus, and [LIFE]). unauthorized_imei
// is of the list's filter and of [LIFE] alone. Where the carrier has none for a
// card's state, it is the nearest.
func (s *Telnyx) status(truth *carriersim.Card) string {
	if s.underWay(truth) {
		return map[string]string{"enable": "enabling", "disable": "disabling", "set_standby": "setting_standby"}[truth.Jobs[len(truth.Jobs)-1].Kind]
	}
	return status(s.shown(truth))
}

// status is what the carrier calls a card's state.
func status(c *carriersim.Card) string {
	if c.Words != "" {
		return c.Words
	}
	switch c.Status {
	case spec.Active, spec.Testing:
		return "enabled"
	case spec.Pending, spec.Inventory:
		return "registered"
	case spec.SuspendedByOwner:
		return "disabled"
	case spec.Dormant:
		return "standby"
	case spec.SuspendedByCarrier:
		if unauthorized(c) {
			return "unauthorized_imei"
		}
		return "data_limit_exceeded"
	case spec.Closing:
		return "disabling"
	}
	return string(c.Status)
}

// unauthorized reports whether the card is in a device that it isn't bound to.
func unauthorized(c *carriersim.Card) bool {
	list, _ := devices(c).([]string)
	return len(list) > 0 && c.InUse != "" && !slices.ContainsFunc(list, func(imei string) bool { return c.InUse.Same(spec.IMEI(imei)) })
}

// devices are the card's authorized_imeis: null lets any device in.
func devices(c *carriersim.Card) any {
	if c.IMEI == "" {
		return nil
	}
	if several := strings.Split(c.More["authorized_imeis"], ","); c.IMEI.Same(spec.IMEI(several[0])) {
		return several
	}
	return []string{string(c.IMEI)}
}

func tags(c *carriersim.Card) []string {
	if c.More["tags"] == "" {
		return []string{}
	}
	return strings.Split(c.More["tags"], ",")
}

// group is the card's group: one that all are in, unless the world says another,
// or "" for none.
func group(c *carriersim.Card) string {
	if id, ok := c.More["sim_card_group_id"]; ok {
		return id
	}
	return "6a09cdc3-8948-47f0-aa62-74ac943d6c58"
}
