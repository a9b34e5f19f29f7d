package onomondosim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// do carries a call out.
func (s *Onomondo) do(q *request) (answer any, changed bool, no *refusal) {
	switch q.action {
	case "sims":
		return s.list(q), false, nil
	case "find":
		return s.find(q), false, nil
	}
	card, ok := s.World.Card(q.iccid)
	if !ok || !card.OwnedBy(q.account) {
		return nil, false, noSim()
	}
	if q.action == "sim" {
		return sim(s.shown(&card)), false, nil
	}
	return s.change(q)
}

// shown is the card as readings show it: a change may take its time.
func (s *Onomondo) shown(c *carriersim.Card) *carriersim.Card {
	if shown, ok := s.World.Read(c.ICCID); ok {
		return &shown
	}
	return c
}

// list is a page of the SIMs: an array, and nothing that says whether more follow.
func (s *Onomondo) list(q *request) []object {
	all := s.holds(q.account)
	from := min(q.number("offset", 0), len(all))
	return s.sims(all[from:min(from+q.number("limit", longestPage), len(all))])
}

func (s *Onomondo) sims(iccids []spec.ICCID) []object {
	rows := []object{}
	for _, iccid := range iccids {
		if c, ok := s.World.Read(iccid); ok {
			rows = append(rows, sim(&c))
		}
	}
	return rows
}

// find is the search: a part of an id or of a label, or a whole ICCID. How many it
// finds at most is in no document.
func (s *Onomondo) find(q *request) []object {
	var found []spec.ICCID
	for _, iccid := range s.candidates(q) {
		c, ok := s.World.Card(iccid)
		if !ok || !c.OwnedBy(q.account) {
			continue
		}
		wanted := q.query.Get("query")
		if iccid == q.iccid || strings.Contains(idOf(iccid), wanted) || strings.Contains(c.More["label"], wanted) {
			found = append(found, iccid)
		}
	}
	return s.sims(found)
}

// candidates are the cards that the search may find: of a whole ICCID those that can
// have it, and those with a label, so that a fleet is looked up without looking at
// each card each time.
func (s *Onomondo) candidates(q *request) []spec.ICCID {
	if q.iccid == "" {
		return s.holds(q.account)
	}
	own := spec.ICCID(idOf(q.iccid)) // whose id this is
	iccids := append([]spec.ICCID{q.iccid, own}, s.withLabel(q.account)...)
	if len(own) < 20 {
		for _, digit := range "0123456789ABCDEF" {
			iccids = append(iccids, own+spec.ICCID(digit), spec.ICCID(digit)+own)
		}
	}
	slices.Sort(iccids)
	return slices.DeleteFunc(slices.Compact(iccids), func(iccid spec.ICCID) bool { return iccid != q.iccid && !s.World.Has(iccid) })
}

// sim is a SIM ([OAS] Sim).
func sim(c *carriersim.Card) object {
	card := object{
		"id": idOf(c.ICCID), "iccid": string(c.ICCID), "activated": activated(c), "imei_lock": nil, "location": nil, "tags": tags(c),
		"technologies": kept(c, "technologies", object{"sms": true, "2g_3g": true, "4g": true}),
	}
	if c.IMEI != "" {
		card["imei_lock"] = string(c.IMEI)
	}
	for _, name := range []string{"label", "network_whitelist", "connector"} {
		card[name] = nil
		if text := c.More[name]; text != "" {
			card[name] = text
		}
	}
	if limit := kept(c, "data_limit", nil); limit != nil {
		card["data_limit"] = limit
	}
	return card
}

// kept is what the world keeps of the card as JSON.
func kept(c *carriersim.Card, name string, usual object) object {
	var value object
	if json.Unmarshal([]byte(c.More[name]), &value) != nil || value == nil {
		return usual
	}
	return value
}

// activated is all that Onomondo says of a card's state; where it has no word for it,
// it is the nearest. A stop by the carrier can't be told.
func activated(c *carriersim.Card) bool {
	return c.Status == spec.Active || c.Status == spec.Testing || c.Status == spec.SuspendedByCarrier
}

func tags(c *carriersim.Card) []string {
	if c.More["tags"] == "" {
		return []string{}
	}
	return strings.Split(c.More["tags"], ",")
}

// change makes a change of a SIM, at once.
func (s *Onomondo) change(q *request) (answer any, changed bool, no *refusal) {
	if no = s.taken(q); no != nil {
		return nil, false, no
	}
	after, _ := s.World.Card(q.iccid)
	_, err := s.World.Change(q.iccid, func(c *carriersim.Card) bool {
		before := string(carriersim.JSON(sim(c)))
		if no = alter(q, c); no != nil {
			return false
		}
		after, changed = *c, string(carriersim.JSON(sim(c))) != before
		return changed
	})
	switch {
	case no != nil:
		return nil, false, no
	case err != nil:
		return nil, changed, &refusal{http.StatusInternalServerError, "internal_error"}
	}
	return sim(&after), changed, nil
}

// taken refuses a device that another card has, in a world that minds.
func (s *Onomondo) taken(q *request) *refusal {
	var imei string
	if !s.World.ExclusiveIMEI || !decode(q.update["imei_lock"], &imei) || imei == "" {
		return nil
	}
	if holder := s.World.Holder(spec.IMEI(imei)); holder != "" && holder != q.iccid {
		return invalid("imei_lock")
	}
	return nil
}

// alter changes the card, unless the carrier refuses.
func alter(q *request, c *carriersim.Card) *refusal {
	switch has := slices.Contains(tags(c), q.tag); {
	case q.action == "add tag" && has:
		return &refusal{http.StatusBadRequest, "tag_already_on_sim"} // [RMJA]
	case q.action == "add tag":
		c.Keep("tags", strings.Join(append(tags(c), q.tag), ","))
	case q.action == "remove tag":
		c.Keep("tags", strings.Join(slices.DeleteFunc(tags(c), func(tag string) bool { return tag == q.tag }), ","))
	}
	for name, value := range q.update {
		set(c, name, value)
	}
	return nil
}

// set sets one member of a card to a value that was looked at before.
func set(c *carriersim.Card, name string, value json.RawMessage) {
	var text string
	_ = json.Unmarshal(value, &text) // "" for null, and for what is no text
	switch name {
	case "imei_lock":
		c.IMEI = spec.IMEI(text)
	case "activated":
		activate(c, string(value) == "true")
	case "tags":
		var list []string
		_ = json.Unmarshal(value, &list) // it was read before
		c.Keep("tags", strings.Join(list, ","))
	case "data_limit", "technologies":
		c.Keep(name, string(value))
	default:
		c.Keep(name, text)
	}
}

// activate activates and deactivates. What is so already stays as it is.
func activate(c *carriersim.Card, on bool) {
	switch {
	case on == activated(c):
	case on:
		c.Status = spec.Active
	default:
		c.Status = spec.SuspendedByOwner
	}
}
