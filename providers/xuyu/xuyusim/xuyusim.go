// Package xuyusim is a simulated Shingsou (旭宇物联): the endpoint that gives
// tokens, as strict as S003 (旭宇IOT 接入文档) states it, and the API behind it.
//
// S003 has the token's form, the two credentials of each call, the operators'
// status tables and the codes; those are held to the letter. It has no path, no
// verb and no field of any operation: those are MODELLED here as the contract
// has them (docs/carriers.md, the operations table), written from that and never
// from our client. What is called a GUESS is in neither.
package xuyusim

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/cardfleet/cardfleet/providers/carriersim"
	"github.com/cardfleet/cardfleet/spec"
)

// Shingsou is the carrier. Its zero value is an open world in memory, which
// accepts the test account. Set the fields before the first request.
type Shingsou struct {
	World *carriersim.World
	// TokenLife is how long a token lasts; 0 means 7200 seconds, as in S003's
	// sample. A world without a clock keeps them for good.
	TokenLife time.Duration
	// KeyHeader is the header of the subscription key; "" means Azure's (a GUESS).
	KeyHeader string
	// Unpaid answers orders with a link for their payment, and gives nothing yet.
	Unpaid bool

	once   sync.Once
	mu     sync.Mutex
	grants map[string]grant   // by token
	owned  map[string]holding // by account
}

// API is the carrier's API as a handler.
type API struct{ *Shingsou }

// Tokens is the endpoint that gives tokens, as a handler.
type Tokens struct{ *Shingsou }

// Carrier is both over one world, for blocks of the provider "xuyu".
func Carrier(w *carriersim.World) carriersim.Carrier { return (&Shingsou{World: w}).Carrier() }

// Carrier is the carrier as blocks are pointed to it.
func (s *Shingsou) Carrier() carriersim.Carrier {
	s.open()
	return carriersim.Carrier{
		Type: "xuyu",
		Services: []carriersim.Service{
			{Setting: "endpoint", Path: "/xuyu", Handler: API{s}},
			{Setting: "token_endpoint", Path: "/xuyu-ids/connect/token", Root: "/connect/token", Handler: Tokens{s}},
		},
		IDSetting: "client_id", SecretSetting: "client_secret", KeySetting: "subscription_key",
		World: s.World,
	}
}

func (s *Shingsou) open() {
	s.once.Do(func() {
		if s.World == nil {
			s.World = &carriersim.World{Open: true}
		}
		s.grants, s.owned = map[string]grant{}, map[string]holding{}
	})
}

// Expire makes every token given so far invalid.
func (s *Shingsou) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.grants)
}

// holding is the cards of an account, as long as the world has as many as when
// they were looked through.
type holding struct {
	of     int
	iccids []spec.ICCID
}

// holds is the account's cards, by ICCID.
func (s *Shingsou) holds(account string) []spec.ICCID {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, total := s.World.Page(0, 0)
	if h, ok := s.owned[account]; ok && h.of == total {
		return h.iccids
	}
	cards, _ := s.World.Page(0, total)
	h := holding{of: total}
	for i := range cards {
		if a := cards[i].Account; a == "" || a == account {
			h.iccids = append(h.iccids, cards[i].ICCID)
		}
	}
	s.owned[account] = h
	return h.iccids
}

// body is the JSON of an answer.
type body map[string]any

// refusal is an answer that isn't a success.
type refusal struct {
	status int
	body   body
}

func (r *refusal) write(rw http.ResponseWriter) {
	carriersim.Write(rw, r.status, contentType, carriersim.JSON(r.body))
}

const contentType = "application/json; charset=utf-8"

// wire is how faults answer. GUESS: S003 has no limits; this is what HTTP and
// Azure's gateway have.
func wire(coded func(string) *refusal) carriersim.Wire {
	return carriersim.Wire{
		ContentType: contentType,
		Throttled:   (&refusal{http.StatusTooManyRequests, body{"statusCode": 429, "message": "Rate limit is exceeded."}}).write,
		Coded:       func(rw http.ResponseWriter, code string) { coded(code).write(rw) },
	}
}

func (s *Shingsou) requestID() string { return fmt.Sprintf("xuyu-%08d", s.World.Serial()) }
