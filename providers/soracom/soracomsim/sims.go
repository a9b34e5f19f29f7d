package soracomsim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// chip begins the simId of a card whose ICCID is a profile's. How the carrier
// makes those is in no document.
const chip = "euicc-"

func simID(c *carriersim.Card) string {
	if c.EUICC {
		return chip + string(c.ICCID)
	}
	return string(c.ICCID)
}

// iccidOf is the card that a simId may be of.
func iccidOf(simID string) spec.ICCID {
	return spec.ICCID(strings.TrimPrefix(simID, chip))
}

// ours reports whether the account has the card, by that simId where one is given.
// Somebody else's is as good as none, and so is one that was handed on: GUESSES.
func ours(c *carriersim.Card, account, id string) bool {
	return (c.Account == "" || c.Account == account) && c.Status != spec.Transferred && (id == "" || id == simID(c))
}

// do carries a call out.
func (s *Soracom) do(q *request, header http.Header) (answer any, changed bool, no *refusal) {
	switch q.action {
	case "auth":
		answer, no = s.authenticate(&q.login)
	case "sims":
		answer = s.list(q, header)
	case "query/sims":
		answer = s.find(q)
	case "sim":
		card, ok := s.World.Read(q.iccid)
		if !ok || !ours(&card, q.account, q.simID) {
			return nil, false, noSim()
		}
		answer = s.sim(&card)
	default:
		return s.change(q)
	}
	return answer, false, no
}

// list is a page of the SIMs. A page has fewer than limit where some of the
// world's are another account's: only the header says whether one follows. The
// default of limit is a GUESS.
func (s *Soracom) list(q *request, header http.Header) []object {
	limit := q.limit(mostFound)
	cards, more := s.World.After(iccidOf(q.query.Get("last_evaluated_key")), limit)
	sims := []object{}
	for i := range cards {
		if ours(&cards[i], q.account, "") {
			sims = append(sims, s.sim(&cards[i]))
		}
	}
	if more {
		last := simID(&cards[len(cards)-1])
		next := url.Values{"last_evaluated_key": {last}, "limit": {strconv.Itoa(limit)}}
		header.Set("X-Soracom-Next-Key", last)
		header.Set("Link", "</v1/sims?"+next.Encode()+">; rel=next")
	}
	return sims
}

// find is the search: values match parts of what a SIM has, in any case, and of
// several with a comma between them one is enough.
func (s *Soracom) find(q *request) []object {
	sims, limit := []object{}, q.limit(usuallyFound)
	last := q.query.Get("last_evaluated_key")
	for c := range s.candidates(q) {
		if len(sims) == limit {
			break
		}
		if c.ICCID > iccidOf(last) && ours(c, q.account, "") && matches(q.query, c) {
			sims = append(sims, s.sim(c))
		}
	}
	return sims
}

// candidates are the cards that the search may find, by ICCID: with whole ICCIDs
// alone those, so that a fleet is looked up without looking at each card each time.
func (s *Soracom) candidates(q *request) func(yield func(*carriersim.Card) bool) {
	return func(yield func(*carriersim.Card) bool) {
		if iccids, ok := wholeICCIDs(q.query); ok {
			for _, iccid := range iccids {
				if c, ok := s.World.Read(iccid); ok && !yield(&c) {
					return
				}
			}
			return
		}
		for after, more := iccidOf(q.query.Get("last_evaluated_key")), true; more; {
			var cards []carriersim.Card
			cards, more = s.World.After(after, 1000)
			for i := range cards {
				after = cards[i].ICCID
				if !yield(&cards[i]) {
					return
				}
			}
		}
	}
}

// wholeICCIDs are those that a search names, where each of its values is one and
// nothing else may bring in another card. A card of 20 digits has one of 19 in it.
func wholeICCIDs(query url.Values) (iccids []spec.ICCID, ok bool) {
	if query.Get("search_type") == "or" {
		return nil, false
	}
	for value := range strings.SplitSeq(query.Get("iccid"), ",") {
		iccid, err := spec.ParseICCID(value)
		if err != nil {
			return nil, false
		}
		iccids = append(iccids, iccid)
		if len(iccid) < 20 {
			for _, digit := range "0123456789ABCDEF" {
				iccids = append(iccids, iccid+spec.ICCID(digit))
			}
		}
	}
	slices.Sort(iccids)
	return slices.Compact(iccids), true
}

// matches reports whether the card fits each filter of the search, or any where
// it says so.
func matches(query url.Values, c *carriersim.Card) bool {
	any := query.Get("search_type") == "or"
	for _, name := range filters() {
		if !query.Has(name) {
			continue
		}
		has := strings.ToLower(map[string]string{
			"iccid": string(c.ICCID), "imsi": imsi(c), "msisdn": c.MSISDN, "status": status(c), "group_id": c.More["groupId"],
		}[name])
		fits := false
		for value := range strings.SplitSeq(strings.ToLower(query.Get(name)), ",") {
			fits = fits || strings.Contains(has, value)
		}
		if fits == any {
			return any
		}
	}
	return !any
}

// sim is a SIM as readings have it ([OAS] Sim).
func (s *Soracom) sim(c *carriersim.Card) object {
	kind := "uicc"
	if c.EUICC {
		kind = "euicc"
	}
	sim := object{
		"simId": simID(c), "operatorId": "OP0000000001", "status": status(c), "type": kind, "speedClass": speedClass(c),
		"imeiLock": imeiLock(c), "sessionStatus": s.session(c), "profiles": profiles(c), "tags": object{},
		"terminationEnabled": c.More["terminationEnabled"] == "true", "expiryAction": "doNothing",
		"createdTime": firstTime, "lastModifiedTime": modified(c),
	}
	if group := c.More["groupId"]; group != "" {
		sim["groupId"] = group
	}
	return sim
}

// Times are milliseconds since 1970 in UTC. firstTime is 2026-01-01.
const firstTime int64 = 1_767_225_600_000

func modified(c *carriersim.Card) int64 {
	if at, err := strconv.ParseInt(c.More["lastModifiedTime"], 10, 64); err == nil {
		return at
	}
	return firstTime
}

// imeiLock is null for a SIM without a lock. A lock's suffix comes back in reads:
// a GUESS.
func imeiLock(c *carriersim.Card) any {
	if c.IMEI == "" {
		return nil
	}
	return object{"imei": string(c.IMEI) + c.More["anonymous"]}
}

// session is the SIM's session. A device that the lock keeps out has none.
func (s *Soracom) session(c *carriersim.Card) object {
	device := c.Seen()
	online := c.Status == spec.Active && device != "" && (c.IMEI == "" || c.IMEI.Same(device))
	session := object{"online": online, "imsi": imsi(c), "lastUpdatedAt": modified(c), "subscription": subscription(c)}
	if device != "" {
		session["imei"] = string(device)
	}
	return session
}

func imsi(c *carriersim.Card) string { return "44010" + c.IMSI()[5:] }

// subscription is the plan that the SIM is of.
func subscription(c *carriersim.Card) string {
	if plan := c.More["subscription"]; plan != "" {
		return plan
	}
	return "plan01s"
}

func profiles(c *carriersim.Card) object {
	number := imsi(c)
	return object{string(c.ICCID): object{
		"iccid": string(c.ICCID), "primaryImsi": number,
		"subscribers": object{number: object{
			"imsi": number, "msisdn": c.MSISDN, "status": status(c), "subscription": subscription(c), "bundles": []string{},
		}},
	}}
}

// speedClass is the SIM's one class. One without any has the usual one: a GUESS.
func speedClass(c *carriersim.Card) string {
	if len(c.Packages) == 0 {
		return "s1.standard"
	}
	return c.Packages[0].ID
}

// status is the SIM's ([OAS], [SUP]). Where the carrier has none for a card's
// state, it is the nearest: a stop by the carrier and a closing can't be told.
func status(c *carriersim.Card) string {
	if c.Words != "" {
		return c.Words
	}
	switch c.Status {
	case spec.Pending, spec.Inventory:
		return "ready"
	case spec.Dormant:
		return "standby"
	case spec.SuspendedByOwner:
		return "inactive"
	case spec.SuspendedByCarrier, spec.Closing:
		return "suspended"
	case spec.Closed:
		return "terminated"
	case spec.Active, spec.Testing:
		return "active"
	}
	return string(c.Status)
}
