// Package telnyxsim is a simulated Telnyx for its IoT SIM cards, as strict as its
// documents.
//
// It is written from them and never from our definition: the types of Telnyx's own
// client, npm telnyx 7.24.0, which are made of its OpenAPI document ([TYPES]), what
// that client sends ([CLIENT]), and developers.telnyx.com/docs/iot-sim/sim-lifecycle
// ([LIFE]). What no document states is called a GUESS where it stands; so are all
// codes of errors, of which [TYPES] have the form alone.
//
// It serves SIM cards by list and by id, what changes one, and its actions: not
// groups, orders, public addresses or voice.
package telnyxsim

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// Telnyx is the API as a handler. Its zero value is an open world in memory, which
// accepts the test account, by its secret alone.
//
// A card's words, where the world has them, are its status. Of what the world keeps
// besides ([carriersim.Card.More]) the carrier's are authorized_imeis (where there
// are several), data_limit, sim_card_group_id, tags and updated_at. An action is one
// of the card's jobs, and is under way for the world's show delay. The codes failed
// and interrupted, as faults of an action, let it be accepted and end so.
type Telnyx struct {
	World *carriersim.World

	once  sync.Once
	owned carriersim.Holdings
}

// Carrier is the API over a world, for blocks of the provider "telnyx".
func Carrier(w *carriersim.World) carriersim.Carrier {
	return carriersim.Carrier{
		Type:          "telnyx",
		Services:      []carriersim.Service{{Setting: "endpoint", Path: "/telnyx/v2", Root: "/v2", Handler: &Telnyx{World: w}}},
		SecretSetting: "api_key",
		World:         w,
	}
}

func (s *Telnyx) open() {
	s.once.Do(func() {
		if s.World == nil {
			s.World = &carriersim.World{Open: true}
		}
	})
}

// ServeHTTP is one call of the API.
func (s *Telnyx) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.open()
	rw.Header().Set("X-Request-Id", fmt.Sprintf("telnyx-%08d", s.World.Serial())) // GUESS: no document names a request
	q, no := s.admit(r)
	if no != nil {
		no.write(rw)
		return
	}
	arrived := carriersim.Request{Carrier: "telnyx", Action: q.action, ICCID: q.iccid, Params: q.params()}
	if q.begins() {
		rw = accepted{rw}
	}
	s.World.Serve(rw, r, s.wire(q), arrived, func() carriersim.Outcome {
		answer, changed, no := s.do(q)
		if no != nil {
			return carriersim.Outcome{Refuse: no.write}
		}
		return carriersim.Outcome{Changed: changed, Answer: carriersim.JSON(answer)}
	})
}

// object is a JSON object of an answer.
type object map[string]any

const contentType = "application/json; charset=utf-8"

// refusal is an answer that isn't a success.
type refusal struct {
	status              int
	code, title, detail string
}

func (r *refusal) write(rw http.ResponseWriter) {
	carriersim.Write(rw, r.status, contentType, carriersim.JSON(object{"errors": []object{{"code": r.code, "title": r.title, "detail": r.detail}}}))
}

func denied() *refusal {
	return &refusal{http.StatusUnauthorized, "10009", "Authentication failed", "The API key could not be found."}
}

func noCard() *refusal {
	return &refusal{http.StatusNotFound, "10005", "Resource not found", "The requested resource or URL could not be found."}
}

func invalid(why string, about ...any) *refusal {
	return &refusal{http.StatusUnprocessableEntity, "10015", "Bad Request", fmt.Sprintf(why, about...)}
}

// wire is how faults answer.
func (s *Telnyx) wire(q *request) carriersim.Wire {
	return carriersim.Wire{
		ContentType: contentType,
		Throttled:   (&refusal{http.StatusTooManyRequests, "10011", "Too many requests", "You have exceeded the rate limit."}).write,
		Coded: func(rw http.ResponseWriter, code string) {
			if q.begins() && (code == endFailed || code == endInterrupted) {
				s.fail(rw, q, code)
				return
			}
			for _, known := range []*refusal{denied(), noCard(), invalid("by order of the world")} {
				if known.code == code {
					known.write(rw)
					return
				}
			}
			(&refusal{http.StatusInternalServerError, code, code, code}).write(rw)
		},
	}
}

// holds is the account's cards, by ICCID.
func (s *Telnyx) holds(account string) []spec.ICCID {
	return s.owned.Of(s.World, account, func(c *carriersim.Card) bool { return c.OwnedBy(account) })
}

// idOf is a UUID made of the card's ICCID: the card's own, with 0 for the serial, or
// that of its action with that serial, from 1 on.
func idOf(iccid spec.ICCID, serial int) string {
	const longest = 21
	digits := fmt.Sprintf("%s%s%x%08x", strings.ToLower(string(iccid)), strings.Repeat("0", longest-len(iccid)), longest-len(iccid), serial)
	return digits[:8] + "-" + digits[8:12] + "-4" + digits[12:15] + "-8" + digits[15:18] + "-" + digits[18:]
}

// parseID is the ICCID and the serial of what idOf makes.
func parseID(id string) (iccid spec.ICCID, serial int, ok bool) {
	if len(id) != 36 {
		return "", 0, false
	}
	digits := id[:8] + id[9:13] + id[15:18] + id[20:23] + id[24:]
	var padding int
	if _, err := fmt.Sscanf(digits[21:], "%1x%8x", &padding, &serial); err != nil || padding > 3 {
		return "", 0, false
	}
	iccid, err := spec.ParseICCID(digits[:21-padding])
	return iccid, serial, err == nil && idOf(iccid, serial) == id
}
