package jaspersim

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// do carries a call out.
func (s *ControlCenter) do(q *request) (answer object, changed bool, no *refusal) {
	switch q.action {
	case actionList:
		return s.list(q), false, nil
	case actionEcho:
		return object{"message": q.text}, false, nil // GUESS
	}
	card, ok := s.World.Read(q.iccid)
	if !ok || !ours(&card, q.account) {
		return nil, false, noDevice()
	}
	if q.action == actionEdit {
		return s.edit(q)
	}
	whole := device(&card)
	if !q.query.Has("fields") {
		return whole, false, nil
	}
	sparse := object{}
	for name := range strings.SplitSeq(q.query.Get("fields"), ",") {
		value, known := whole[name]
		if !known {
			return nil, false, invalid("Unknown field %s.", name)
		}
		sparse[name] = value
	}
	return sparse, false, nil
}

// device is a card as it is read by itself ([GET]).
func device(c *carriersim.Card) object {
	card := object{
		"iccid": string(c.ICCID), "imsi": c.IMSI(), "msisdn": c.MSISDN, "imei": string(c.Seen()), "status": status(c), "ratePlan": ratePlan(c),
		"communicationPlan": cmp.Or(c.More["communicationPlan"], "Standard communication plan"), "endConsumerId": nil, "dateActivated": stamp(firstTime), "dateAdded": stamp(firstTime),
		"dateUpdated": stamp(modified(c)), "dateShipped": stamp(firstTime), "accountId": "100020620", "fixedIPAddress": nil, "fixedIpv6Address": nil, "simNotes": nil,
		"globalSimType": nil, "eid": nil, "simProfileId": nil,
	}
	for _, name := range editable() {
		if _, has := card[name]; has || name == "overageLimitOverride" {
			continue
		}
		card[name] = nil
		if v := c.More[name]; v != "" {
			card[name] = v
		}
	}
	return card
}

// stamp is a time as replies have it, which isn't how requests do ([GET]).
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000-0700") }

// ratePlan is the one that each card has exactly one of.
func ratePlan(c *carriersim.Card) string {
	if len(c.Packages) > 0 {
		return c.Packages[len(c.Packages)-1].ID
	}
	return "Standard rate plan"
}

// statuses are the vocabulary; START and RESTORE are on their way.
func statuses() []string {
	return slices.Concat(writable(), []string{"TRIAL", "REPLACED", "START", "RESTORE"})
}

// writable are those that an account may set, as far as its operator lets it.
func writable() []string {
	return []string{"ACTIVATED", "DEACTIVATED", "TEST_READY", "INVENTORY", "ACTIVATION_READY", "RETIRED", "PURGED"}
}

// lifecycles are what those are for the world.
func lifecycles() map[string]spec.Lifecycle {
	return map[string]spec.Lifecycle{
		"ACTIVATED": spec.Active, "DEACTIVATED": spec.SuspendedByOwner, "TEST_READY": spec.Testing, "INVENTORY": spec.Inventory,
		"ACTIVATION_READY": spec.Pending, "RETIRED": spec.Closed, "PURGED": spec.Closed,
	}
}

// status is what the carrier calls a card's state. It doesn't tell who stopped a
// card.
func status(c *carriersim.Card) string {
	switch {
	case c.Words != "":
		return c.Words
	case c.Status == spec.SuspendedByCarrier, c.Status == spec.Dormant:
		return "DEACTIVATED"
	case c.Status == spec.Closed:
		return "PURGED"
	case c.Status == spec.Closing:
		return "RETIRED"
	}
	for name, lifecycle := range lifecycles() {
		if lifecycle == c.Status {
			return name
		}
	}
	return "ACTIVATED"
}

// history is the cards of a world in the order in which they were modified, as of a
// version of the world.
type history struct {
	version int
	until   time.Time // when it isn't any more what readings show; zero for never
	cards   []past
}

type past struct {
	at    time.Time
	iccid spec.ICCID
}

// list is a page of the cards that were modified within a time, the oldest first.
// Which of its ends count is in no document: here neither does, so that who relies
// on one of them loses cards.
func (s *ControlCenter) list(q *request) object {
	all := s.inOrder()
	from, _ := slices.BinarySearchFunc(all, q.since, func(p past, t time.Time) int {
		if p.at.After(t) {
			return 1
		}
		return -1
	})
	var found []object
	for _, p := range all[from:] {
		if !q.till.IsZero() && !p.at.Before(q.till) {
			break
		}
		c, ok := s.World.Read(p.iccid)
		if ok && ours(&c, q.account) && (!q.query.Has("status") || status(&c) == q.query.Get("status")) {
			found = append(found, object{
				"iccid": string(c.ICCID), "status": status(&c), "ratePlan": ratePlan(&c),
				"communicationPlan": cmp.Or(c.More["communicationPlan"], "Standard communication plan"),
			})
		}
	}
	size, number := min(q.number("pageSize", longestPage), longestPage), q.number("pageNumber", 1) // a longer one is cut: a GUESS
	begins := min((number-1)*size, len(found))
	page := found[begins:min(begins+size, len(found))]
	return object{"pageNumber": number, "devices": append([]object{}, page...), "lastPage": begins+size >= len(found)}
}

// inOrder are the described cards by when they were modified.
func (s *ControlCenter) inOrder() []past {
	s.mu.Lock()
	defer s.mu.Unlock()
	version, now := s.World.Version(), s.World.Clock()
	if h := &s.ordered; h.cards != nil && h.version == version && (h.until.IsZero() || now.Before(h.until)) {
		return h.cards
	}
	h := history{version: version, cards: []past{}}
	_, total := s.World.Page(0, 0)
	cards, _ := s.World.Page(0, total)
	for i := range cards {
		h.cards = append(h.cards, past{modified(&cards[i]), cards[i].ICCID})
		if s.World.ShowDelay > 0 {
			h.until = now.Add(time.Nanosecond) // any of them may show at any time
		}
	}
	slices.SortFunc(h.cards, func(a, b past) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.iccid, b.iccid)) })
	s.ordered = h
	return h.cards
}

// edit makes a change of the card, and answers with its ICCID: a GUESS.
func (s *ControlCenter) edit(q *request) (answer object, changed bool, no *refusal) {
	_, err := s.World.Change(q.iccid, func(c *carriersim.Card) bool {
		before := carriersim.JSON(device(c))
		if no = s.alter(q, c); no != nil {
			return false
		}
		if changed = string(carriersim.JSON(device(c))) != string(before); changed {
			if now := s.World.Clock(); !now.IsZero() {
				Modify(c, now.Add(time.Duration(s.World.ShowDelay))) // when it is made
			}
		}
		return changed
	})
	switch {
	case no != nil:
		return nil, false, no
	case err != nil:
		return nil, changed, &refusal{500, "", "The change could not be kept.", nil}
	}
	return object{"iccid": string(q.iccid)}, changed, nil
}

// alter changes the card, unless the carrier refuses. What is so already is taken: a
// GUESS.
func (s *ControlCenter) alter(q *request, c *carriersim.Card) *refusal {
	if c.Status == spec.Closed && status(c) == "PURGED" && q.edit["status"] != "PURGED" {
		return invalid("The device is purged.") // for good ([TELE2]); its words are a GUESS
	}
	for _, name := range slices.Sorted(maps.Keys(q.edit)) {
		value := q.edit[name]
		switch name {
		case "status":
			if !slices.Contains(writable(), value) {
				return invalid("Status %s is invalid.", value)
			}
			s.move(c, value)
		case "ratePlan":
			if value == "" || len(s.World.Offers) > 0 && !slices.Contains(s.World.Offers, value) {
				return invalid("Rate plan %s is invalid.", value)
			}
			c.Packages = []spec.Package{{ID: value}}
		case "overageLimitOverride":
			if !slices.Contains([]string{"DEFAULT", "TEMPORARY_OVERRIDE", "PERMANENT_OVERRIDE"}, value) {
				return invalid("overageLimitOverride %s is invalid.", value)
			}
			c.Keep(name, value)
		default:
			c.Keep(name, value)
		}
	}
	return nil
}

// move sets the card's status. A card that is closed is in no device any more, which
// the carrier still calls the last one.
func (s *ControlCenter) move(c *carriersim.Card, status string) {
	c.Status, c.Words = lifecycles()[status], ""
	if c.Status == spec.Closed {
		c.InUse, c.IMEI, c.Words = c.Seen(), "", status
	}
}
