// Package onomondosim is a simulated Onomondo for its SIMs, as strict as its document.
//
// It is written from that and never from our definition: Onomondo's OpenAPI document,
// version 1.0, in the copy of api-evangelist/onomondo at 3d5bc76 ([OAS]), that copy's
// file on rate limits ([LIM]), what Onomondo's own service automatic-imei-lock-service
// sends ([LOCK]), and a client that is tried on the real carrier, Onomondo.ApiClient of
// rmja ([RMJA]). What no document states is called a GUESS where it stands.
//
// It serves SIMs by list, by search and by id, what changes one, and its tags: not
// usage, SMS, network lists, webhooks and connectors. Many at once can't be changed:
// the items of /sims/bulk don't say of which SIM they are.
package onomondosim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// Onomondo is the API as a handler. Its zero value is an open world in memory, which
// accepts the test account, by its secret alone.
//
// A card that is bound has that device for its imei_lock. Of what the world keeps
// besides ([carriersim.Card.More]) the carrier's are label, network_whitelist,
// connector, data_limit and technologies (as JSON), and tags, with commas between them.
type Onomondo struct {
	World *carriersim.World

	once            sync.Once
	owned, labelled carriersim.Holdings
}

// Carrier is the API over a world, for blocks of the provider "onomondo".
func Carrier(w *carriersim.World) carriersim.Carrier {
	return carriersim.Carrier{
		Type:          "onomondo",
		Services:      []carriersim.Service{{Setting: "endpoint", Path: "/onomondo", Handler: &Onomondo{World: w}}},
		SecretSetting: "api_key",
		World:         w,
	}
}

func (s *Onomondo) open() {
	s.once.Do(func() {
		if s.World == nil {
			s.World = &carriersim.World{Open: true}
		}
	})
}

// ServeHTTP is one call of the API.
func (s *Onomondo) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.open()
	rw.Header().Set("X-Request-Id", fmt.Sprintf("onomondo-%08d", s.World.Serial())) // GUESS: no document names a request
	q, no := s.admit(r)
	if no != nil {
		no.write(rw)
		return
	}
	arrived := carriersim.Request{Carrier: "onomondo", Action: q.action, ICCID: q.iccid, Params: q.params()}
	s.World.Serve(rw, r, s.wire(), arrived, func() carriersim.Outcome {
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

// refusal is an answer that isn't a success. [OAS] has a body of none; [RMJA] met
// {"error":"tag_already_on_sim"} with 400, after which the others are made: GUESSES.
type refusal struct {
	status int
	code   string
}

func (r *refusal) write(rw http.ResponseWriter) {
	carriersim.Write(rw, r.status, contentType, carriersim.JSON(object{"error": r.code}))
}

func denied() *refusal { return &refusal{http.StatusUnauthorized, "unauthorized"} }

func noSim() *refusal { return &refusal{http.StatusNotFound, "sim_not_found"} }

func invalid(what string) *refusal { return &refusal{http.StatusBadRequest, "invalid_" + what} }

// callsAMinute is the carrier's limit ([LIM]).
const callsAMinute = 600

// wire is how faults answer. When calls pass again is a Unix time in x-ratelimit-reset
// ([LIM]); there is no Retry-After.
func (s *Onomondo) wire() carriersim.Wire {
	return carriersim.Wire{
		ContentType: contentType,
		Throttled: func(rw http.ResponseWriter) {
			after, err := strconv.Atoi(rw.Header().Get("Retry-After"))
			rw.Header().Del("Retry-After")
			rw.Header().Set("X-Ratelimit-Limit", strconv.Itoa(callsAMinute))
			rw.Header().Set("X-Ratelimit-Remaining", "0")
			if err == nil {
				rw.Header().Set("X-Ratelimit-Reset", strconv.FormatInt(s.World.Clock().Add(time.Duration(after)*time.Second).Unix(), 10))
			}
			(&refusal{http.StatusTooManyRequests, "too_many_requests"}).write(rw)
		},
		Coded: func(rw http.ResponseWriter, code string) {
			for _, known := range []*refusal{denied(), noSim(), invalid("imei_lock"), invalid("request")} {
				if known.code == code {
					known.write(rw)
					return
				}
			}
			(&refusal{http.StatusInternalServerError, code}).write(rw)
		},
	}
}

// holds is the account's cards, by ICCID.
func (s *Onomondo) holds(account string) []spec.ICCID {
	return s.owned.Of(s.World, account, func(c *carriersim.Card) bool { return c.OwnedBy(account) })
}

// withLabel is those of them that have a label.
func (s *Onomondo) withLabel(account string) []spec.ICCID {
	return s.labelled.Of(s.World, account, func(c *carriersim.Card) bool { return c.OwnedBy(account) && c.More["label"] != "" })
}

// idOf is Onomondo's id of a card: its ICCID backwards. Real ids are nine digits
// ([RMJA]'s 000868918), which no ICCID can be told from.
func idOf(iccid spec.ICCID) string {
	var id strings.Builder
	for i := len(iccid) - 1; i >= 0; i-- {
		id.WriteByte(iccid[i])
	}
	return id.String()
}
