package n1cesim

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// The statuses of a card ([V1], [V2]): there are no others.
const (
	enabled  = "Enabled"
	disabled = "Disabled"
)

// do carries a call out. An answer of nil has no body.
func (s *N1CE) do(q *request, header http.Header) (answer any, changed bool, no *refusal) {
	switch q.action {
	case "token":
		answer, no = s.authenticate(q)
		return answer, false, no
	case "sims":
		return s.list(q, header), false, nil
	case "create":
		return nil, s.changeAll(q), nil
	}
	card, ok := s.World.Card(q.card)
	if !ok || !card.OwnedBy(q.account) {
		return nil, false, q.noSim()
	}
	shown := s.shown(&card)
	switch q.action {
	case "sim":
		return sim(shown), false, nil
	case "status":
		return connectivity(q, shown), false, nil
	case "quota":
		return quota(q, shown), false, nil
	case "reset":
		return nil, false, nil
	default:
		changed, no = s.change(q, q.card, &q.updates[0])
		return nil, changed, no
	}
}

// shown is the card as readings show it: a change may take its time.
func (s *N1CE) shown(c *carriersim.Card) *carriersim.Card {
	if shown, ok := s.World.Read(c.ICCID); ok {
		return &shown
	}
	return c
}

// list is a page of the cards that fit.
func (s *N1CE) list(q *request, header http.Header) []object {
	all := s.holds(q.account)
	if len(q.each("q")) > 0 || len(q.each("sort")) > 0 {
		all = s.fitting(q, all)
	}
	size := q.number("pageSize", usualPage)
	number := q.number("page", 1)
	pages := (len(all) + size - 1) / size
	from := min((number-1)*size, len(all))
	for name, n := range map[string]int{"X-Current-Page": number, "X-Total-Pages": pages, "X-Count-Per-Page": size, "X-Total-Count": len(all)} {
		header.Set(name, strconv.Itoa(n))
	}
	rows := []object{}
	for _, iccid := range all[from:min(from+size, len(all))] {
		if c, ok := s.World.Read(iccid); ok {
			rows = append(rows, sim(&c))
		}
	}
	return rows
}

// fitting are the cards that fit the filters, in the order that is asked for.
func (s *N1CE) fitting(q *request, all []spec.ICCID) []spec.ICCID {
	var found []carriersim.Card
	for _, iccid := range all {
		if c, ok := s.World.Read(iccid); ok && fits(q, &c) {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b carriersim.Card) int {
		for _, by := range q.each("sort") {
			name := strings.TrimPrefix(by, "-")
			if order := cmp.Compare(sortKey(&a, name), sortKey(&b, name)); order != 0 {
				if name != by {
					return -order
				}
				return order
			}
		}
		return 0
	})
	iccids := make([]spec.ICCID, len(found))
	for i := range found {
		iccids[i] = found[i].ICCID
	}
	return iccids
}

// fits reports whether a card fits each filter, as a whole: whether parts do is in
// no document.
func fits(q *request, c *carriersim.Card) bool {
	for _, filter := range q.each("q") {
		name, value, _ := strings.Cut(filter, ":")
		if sortKey(c, name) != value {
			return false
		}
	}
	return true
}

func sortKey(c *carriersim.Card, name string) string {
	if name == "imei" {
		return inDevice(c)
	}
	return address(c)
}

// sim is a SIM card ([V1] SIM_card, [V2] SimsSim).
func sim(c *carriersim.Card) object {
	imsi := "90140" + c.IMSI()[5:]
	card := object{
		"iccid": short(c.ICCID), "iccid_with_luhn": withCheckDigit(c.ICCID),
		"imsi": imsi, "imsi_2": imsi, "current_imsi": imsi, "msisdn": c.MSISDN,
		"imei_lock": c.IMEI != "" || c.More["locked"] == "next", "status": status(c), "ip_address": address(c),
		"current_quota": dataVolume, "quota_status": quotaStatus(c), "current_quota_SMS": smsVolume, "quota_status_SMS": quotaLevels[0].status(),
	}
	for name, value := range map[string]string{"imei": inDevice(c), "label": c.More["label"]} {
		if value != "" { // nothing may be null: what there is none of is left out, a GUESS
			card[name] = value
		}
	}
	if c.Status != spec.Pending && c.Status != spec.Inventory {
		card["activation_date"] = stamp(c.Changed)
	}
	return card
}

// short is the ICCID without its check digit.
func short(iccid spec.ICCID) string { return string(iccid[:min(idLength, len(iccid))]) }

// withCheckDigit is the ICCID with its check digit, which is computed where the
// world's has none.
func withCheckDigit(iccid spec.ICCID) string {
	if len(iccid) != idLength {
		return string(iccid)
	}
	sum := 0
	for i, digit := range carriersim.Decimal(iccid) {
		n := int(digit - '0')
		if i%2 == 0 { // from the right, the check digit's neighbour is doubled
			n *= 2
		}
		sum += n/10 + n%10
	}
	return fmt.Sprintf("%s%d", iccid, (10-sum%10)%10)
}

// inDevice is the IMEI of the device that the card is in, in the 16 digits of the
// documents' sample; "" for none.
func inDevice(c *carriersim.Card) string {
	imei := string(c.Seen())
	if len(imei) == 15 {
		return imei[:14] + "00" // a software version in the check digit's place
	}
	return imei
}

// address is made up from the ICCID.
func address(c *carriersim.Card) string {
	digits := carriersim.Decimal(c.ICCID)
	n, _ := strconv.Atoi(digits[max(len(digits)-7, 0):]) // digits are a number
	return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
}

// status is the card's. Where the carrier has none for a card's state, it is the
// nearest: 1NCE's cards are one or the other.
func status(c *carriersim.Card) string {
	switch c.Status {
	case spec.SuspendedByOwner, spec.Dormant, spec.Closing, spec.Inventory:
		return disabled
	}
	return enabled
}

// What a Lifetime Flat has, in MB and messages.
const (
	dataVolume = 500
	smsVolume  = 250
)

// level is how much of a quota is left ([V2] SimsSimQuotaStatus).
type level struct {
	id   int
	text string
}

// quotaLevels are the levels, by id. Their texts are in no document.
var quotaLevels = []level{{0, "More than 20% available"}, {1, "Less than 20% available"}, {2, "No volume available"}}

func (l level) status() object { return object{"id": l.id, "description": l.text} }

// quotaStatus is that of the card's data. Its dates are declared with a colon in
// their zone.
func quotaStatus(c *carriersim.Card) object {
	switch {
	case exhausted(c):
		status := quotaLevels[2].status()
		status["threshold_reached_date"], status["quota_exceeded_date"] = "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"
		return status
	case c.More["quota"] == "low":
		status := quotaLevels[1].status()
		status["threshold_reached_date"] = "2026-01-02T00:00:00Z"
		return status
	}
	return quotaLevels[0].status()
}

// exhausted reports whether the card has used up its data.
func exhausted(c *carriersim.Card) bool {
	return c.Status == spec.SuspendedByCarrier || c.More["quota"] == "used"
}

// connectivity is the state of the card's connection, whose form is another in each
// version.
func connectivity(q *request, c *carriersim.Card) object {
	word, services := "OFFLINE", []string{}
	switch {
	case exhausted(c) && q.version == 2:
		word = "BLOCKED" // a GUESS: [V2] says no more than the word
	case status(c) == enabled && c.Seen() != "" && (c.IMEI == "" || c.IMEI.Same(c.Seen())):
		word, services = "ONLINE", []string{"GPRS"}
	}
	if q.version == 1 {
		return object{"status": word, "services": services}
	}
	return object{"status": object{"description": word}, "services": services}
}

// quota is a quota of the card. Its ids are others than those in the card: 0 is
// used up here.
func quota(q *request, c *carriersim.Card) object {
	total, left := float64(dataVolume), 400.0
	if q.service == "sms" {
		total, left = smsVolume, smsVolume
	}
	state := object{"id": 1, "description": "ACTIVE"}
	switch {
	case c.More["expired"] == "true":
		state = object{"id": 2, "description": "EXPIRED"}
	case q.service == "data" && exhausted(c):
		state, left = object{"id": 0, "description": "EXHAUSTED"}, 0
	}
	answer := object{
		"volume": left, "total_volume": total, "expiry_date": "2036-01-01T00:00:00.000Z", "last_volume_added": total, "threshold_percentage": 20,
	}
	if q.version == 2 {
		answer["status"], answer["service"], answer["created_at"] = state, q.service, "2026-01-01T00:00:00Z"
		return answer
	}
	answer["peak_throughput"] = 1000000
	answer["expiry_date"] = "2036-01-01 00:00:00"
	return answer
}
