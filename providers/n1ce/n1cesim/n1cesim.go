// Package n1cesim is a simulated 1NCE for its SIM cards, as strict as its documents.
//
// It is written from them and never from our definition: 1NCE's OpenAPI documents SIM
// Management v2.0 with /v1/sims ([V1]) and with /v2/sims ([V2]), Authorization v2.1.1
// ([AUTH]), its help page on rate limits ([LIM]), and a client for it, IctBaden.1NCE
// at c6e3527 ([CS]). What no document states is called a GUESS where it stands.
//
// It serves the token, SIM cards by list and by ICCID in both versions, what changes
// them, their connectivity and their quotas: not SMS, events, usage, and nothing that
// costs money.
package n1cesim

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// N1CE is the API as a handler. Its zero value is an open world in memory, which
// accepts the test account.
//
// A card that is bound is locked to that device. One that the carrier stopped has
// used up its data. Of what the world keeps besides ([carriersim.Card.More]) the
// carrier's are label, locked ("next": to the next device that it is seen in),
// quota ("low": less than a fifth is left, "used": nothing) and expired ("true":
// the contract is over).
type N1CE struct {
	World *carriersim.World

	once   sync.Once
	mu     sync.Mutex
	grants map[string]grant // by token
	owned  carriersim.Holdings
}

// Carrier is the API over a world, for blocks of the provider "n1ce".
func Carrier(w *carriersim.World) carriersim.Carrier {
	return carriersim.Carrier{
		Type:      "n1ce",
		Services:  []carriersim.Service{{Setting: "endpoint", Path: "/1nce/management-api", Root: "/management-api", Handler: &N1CE{World: w}}},
		IDSetting: "client_id", SecretSetting: "client_secret",
		World: w,
	}
}

func (s *N1CE) open() {
	s.once.Do(func() {
		if s.World == nil {
			s.World = &carriersim.World{Open: true}
		}
		s.grants = map[string]grant{}
	})
}

// ServeHTTP is one call of the API.
func (s *N1CE) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.open()
	rw.Header().Set("X-Request-Id", fmt.Sprintf("n1ce-%08d", s.World.Serial())) // GUESS: no document names a request
	q, no := s.admit(r)
	if no != nil {
		no.write(rw)
		return
	}
	arrived := carriersim.Request{Carrier: "n1ce", Action: q.action, ICCID: q.card, Params: q.params()}
	if q.action == "create" || q.action == "reset" {
		rw = created{rw}
	}
	s.World.Serve(rw, r, wire(q), arrived, func() carriersim.Outcome {
		answer, changed, no := s.do(q, rw.Header())
		switch {
		case no != nil:
			return carriersim.Outcome{Refuse: no.write}
		case answer == nil:
			return carriersim.Outcome{Changed: changed} // without a body
		}
		return carriersim.Outcome{Changed: changed, Answer: carriersim.JSON(answer)}
	})
}

// created answers with 201, where other successes have 200.
type created struct{ http.ResponseWriter }

func (c created) WriteHeader(status int) {
	if status == http.StatusOK {
		status = http.StatusCreated
	}
	c.ResponseWriter.WriteHeader(status)
}

// object is a JSON object of an answer.
type object map[string]any

const contentType = "application/json;charset=UTF-8"

// refusal is an answer that isn't a success. [V1]'s have no body, [V2]'s and
// [AUTH]'s have one each of its own.
type refusal struct {
	status int
	body   object
}

func (r *refusal) write(rw http.ResponseWriter) {
	if r.body == nil {
		rw.WriteHeader(r.status)
		return
	}
	carriersim.Write(rw, r.status, contentType, carriersim.JSON(r.body))
}

// refuse is a refusal of the version that was asked. All numbers are the samples'
// 1000: what others there are is in no document.
func (q *request) refuse(status int, token, why string, about ...any) *refusal {
	if q.version == 1 {
		return &refusal{status: status}
	}
	return &refusal{status, object{"error_code": 1000, "error_token": token, "message": fmt.Sprintf(why, about...)}}
}

func (q *request) invalid(why string, about ...any) *refusal {
	return q.refuse(http.StatusBadRequest, "BadRequest", why, about...) // [V1] declares none: a GUESS
}

func (q *request) noSim() *refusal {
	return q.refuse(http.StatusNotFound, "NotFound", "Element not found")
}

// over refuses a change of a card whose contract is over: 422 in [V1], and in [V2],
// which doesn't say, the conflict: a GUESS.
func (q *request) over() *refusal {
	if q.version == 1 {
		return &refusal{status: http.StatusUnprocessableEntity}
	}
	return q.refuse(http.StatusConflict, "Conflict", "The SIM is expired, and only extensions are permitted")
}

// wire is how faults answer. No document has an answer with 429 but its headers
// ([LIM]).
func wire(q *request) carriersim.Wire {
	return carriersim.Wire{
		ContentType: contentType,
		Throttled:   q.refuse(http.StatusTooManyRequests, "TooManyRequests", "Too many requests").write,
		Coded: func(rw http.ResponseWriter, code string) {
			known := map[string]*refusal{
				"NotFound": q.noSim(), "BadRequest": q.invalid("by order of the world"), "Expired": q.over(),
				"Conflict":  q.refuse(http.StatusConflict, "Conflict", "Conflicting request"),
				"Forbidden": q.refuse(http.StatusForbidden, "Forbidden", "The SIM is another customer's"),
			}[code]
			if known == nil {
				known = q.refuse(http.StatusInternalServerError, code, "%s", code)
			}
			known.write(rw)
		},
	}
}

// holds is the account's cards, by ICCID.
func (s *N1CE) holds(account string) []spec.ICCID {
	return s.owned.Of(s.World, account, func(c *carriersim.Card) bool { return c.OwnedBy(account) })
}

// idLength is how many digits 1NCE knows a card by: those without the check digit.
const idLength = 19

// find is the card that 1NCE knows by these digits, as the world has it: with a
// check digit behind them, or without.
func (s *N1CE) find(id string) spec.ICCID {
	iccid := spec.ICCID(id)
	if s.World.Has(iccid) {
		return iccid
	}
	for _, digit := range "0123456789ABCDEF" {
		if longer := iccid + spec.ICCID(digit); s.World.Has(longer) {
			return longer
		}
	}
	return iccid // which an open world has
}

// stamp is a time as the documents' samples of dates write it.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "2026-01-01T00:00:00.000+0000"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000-0700")
}
